// Counts the user-space instructions of one thread between two marks, by single steps: valgrind cannot run Go, and a
// virtual machine has no counters.
//
//   go_steps PID NUMBER    stops the thread, prints "ready"; then, for each system call of that number between getpgid(MARK)
//                          and getpgid(MARK + 1) but the first, a line: the instructions since the one before
//
// bench/go/calls makes the marks, and between them one call over and over. A count ends where Go's Syscall6 is entered: what
// the library calls in place of it, or beside it, are instructions of the call that they belong to. The kernel's are not
// counted. What Go's scheduler adds here and there is the driver's to leave out.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>

#define MARK 0x6e64000
// From the entry of Syscall6 to its SYSCALL, in every version (src/go).
#define TO_SYSCALL 12

static pid_t pid;

static void must(const char *what, long result)
{
    if (result >= 0) return;
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(2);
}

static int stopped(void)
{
    int status;
    must("waitpid", waitpid(pid, &status, __WALL));
    if (!WIFSTOPPED(status)) {
        fprintf(stderr, "the thread ended (status %#x)\n", (unsigned)status);
        exit(2);
    }
    return status;
}

// Whether the thread is about to make getpgid(mark).
static int at_mark(const struct user_regs_struct *registers, unsigned long mark)
{
    if (registers->rax != SYS_getpgid || registers->rdi != mark) return 0;
    return (ptrace(PTRACE_PEEKTEXT, pid, registers->rip, NULL) & 0xffff) == 0x050f;
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    pid = atoi(argv[1]);
    unsigned long number = strtoul(argv[2], NULL, 10);
    must("PTRACE_SEIZE", ptrace(PTRACE_SEIZE, pid, NULL, NULL));
    must("PTRACE_INTERRUPT", ptrace(PTRACE_INTERRUPT, pid, NULL, NULL));
    stopped();
    puts("ready");
    fflush(stdout);
    unsigned long wanted = MARK, steps = 0, signal_ = 0, place = 0;
    int first = 1;
    for (;;) {
        must("PTRACE_SINGLESTEP", ptrace(PTRACE_SINGLESTEP, pid, NULL, signal_));
        int status = stopped();
        signal_ = status >> 16 == 0 && WSTOPSIG(status) != SIGTRAP ? (unsigned long)WSTOPSIG(status) : 0;
        struct user_regs_struct registers;
        must("PTRACE_GETREGS", ptrace(PTRACE_GETREGS, pid, NULL, &registers));
        steps++;
        if (at_mark(&registers, wanted)) {
            if (wanted != MARK) break;
            wanted = MARK + 1, place = registers.rip - TO_SYSCALL;
        } else if (place && registers.rip == place && registers.rax == number) {
            if (!first) printf("%lu\n", steps);
            first = 0, steps = 0;
        }
    }
    must("PTRACE_DETACH", ptrace(PTRACE_DETACH, pid, NULL, NULL));
    return 0;
}
