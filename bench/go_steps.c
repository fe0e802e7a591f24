// Counts the user-space instructions of one thread between two marks, by single steps: valgrind cannot run Go, and a
// virtual machine has no counters.
//
//   go_steps PID    stops the thread, prints "ready"; prints the instructions between getpgid(MARK) and getpgid(MARK + 1)
//
// Both marks are made by bench/go/calls. A system call is one instruction; the kernel's are not counted.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>

#define MARK 0x6e64000

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
    if (argc != 2) return 2;
    pid = atoi(argv[1]);
    must("PTRACE_SEIZE", ptrace(PTRACE_SEIZE, pid, NULL, NULL));
    must("PTRACE_INTERRUPT", ptrace(PTRACE_INTERRUPT, pid, NULL, NULL));
    stopped();
    puts("ready");
    fflush(stdout);
    unsigned long wanted = MARK, count = 0, signal_ = 0;
    for (;;) {
        must("PTRACE_SINGLESTEP", ptrace(PTRACE_SINGLESTEP, pid, NULL, signal_));
        int status = stopped();
        // A step that enters a handler is the kernel's doing; what the handler runs is counted, and the driver takes medians.
        signal_ = status >> 16 == 0 && WSTOPSIG(status) != SIGTRAP ? (unsigned long)WSTOPSIG(status) : 0;
        struct user_regs_struct registers;
        must("PTRACE_GETREGS", ptrace(PTRACE_GETREGS, pid, NULL, &registers));
        count++;
        if (!at_mark(&registers, wanted)) continue;
        if (wanted != MARK) break;
        wanted = MARK + 1, count = 0;
    }
    must("PTRACE_DETACH", ptrace(PTRACE_DETACH, pid, NULL, NULL));
    printf("%lu\n", count);
    return 0;
}
