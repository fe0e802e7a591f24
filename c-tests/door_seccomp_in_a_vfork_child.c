// A filter that a vfork child takes on before it executes something is the child's: its parent keeps its deadlines, though the
// two share memory.
// Source: SEMANTICS "fds and processes", "Sandboxes".
//
// env: NETDEADLINE_READ=300ms
#include "fd_nd.h"
#include "sec_seccomp.h"
#include <sched.h>

static int sandboxed(void *unused) {
    (void)unused;
    const int refused[] = {SYS_ppoll, SYS_poll, SYS_recvfrom, SYS_getsockopt};
    sec_install(BY_PRCTL, refused, sizeof refused / sizeof *refused, SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ALLOW);
    _exit(0);
}
static char stack[256 * 1024] __attribute__((aligned(64)));

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);
    pid_t child = clone(sandboxed, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    int status = nd_reap(child, 5 * SEC);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no seccomp");
    CHECK_EQ(status, 0);
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);
    return 0;
}
