// A crash handler forks and executes on an alternate stack of 8 KB, and a deadline may pass there: both fit beside the
// kernel's own frame.
// Source: sigaltstack(2); SEMANTICS "fds and processes": signal handlers may call read, write, close.
//
// native: yes
// env: none
// env: NETDEADLINE_READ=100ms
#include "nd_test.h"
#include <sys/mman.h>

static struct nd_pair pair;
static volatile int got, error, afresh, inherited;
static int run(void (*exec)(void)) {
    pid_t child = fork();
    if (!child) {
        exec();
        _exit(99);
    }
    int status;
    return waitpid(child, &status, 0) == child ? status : -1;
}
static char *arguments[] = {"true", NULL};
static void by_execve(void) { execve("/bin/true", arguments, (char *[]){NULL}); }
static void by_execlp(void) { execlp("true", "true", "1", "2", "3", "4", "5", "6", (char *)NULL); }
static void handler(int signal) {
    (void)signal;
    char byte;
    if (getenv("NETDEADLINE_READ")) {
        got = (int)read(pair.client, &byte, 1);
        error = errno;
    }
    afresh = run(by_execve);
    inherited = run(by_execlp);
}

int main(void) {
    enum { ROOM = 65536, HALF = ROOM / 2 };
    pair = nd_tcp_pair();
    long least = sysconf(_SC_MINSIGSTKSZ);
    size_t size = least > 4096 ? (size_t)least + 4608 : 8192;
    if (size > HALF) SKIP("a signal frame of %ld bytes", least);
    char *memory = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    MUST(mprotect(memory, HALF, PROT_NONE));
    stack_t stack = {.ss_sp = memory + HALF, .ss_size = size};
    MUST(sigaltstack(&stack, NULL));
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    MUST(sigaction(SIGUSR1, &action, NULL));
    raise(SIGUSR1);
    CHECK_EQ(afresh, 0);
    CHECK_EQ(inherited, 0);
    if (getenv("NETDEADLINE_READ")) {
        CHECK_EQ(got, -1);
        CHECK_EQ(error, ETIMEDOUT);
    }
    return 0;
}
