// A child that shares our memory and lives in a new pid namespace is told apart by its pid, which is 1, unless ours is 1
// too: the parent goes on under its deadlines while such a child lives.
// Source: SEMANTICS "fds and processes"; clone(2), CLONE_NEWPID.
//
// env: NETDEADLINE_READ=300ms
// needs: root
#include "fd_nd.h"
#include <sched.h>

static struct nd_pair pair;
static volatile int end;
static int child_body(void *unused) {
    (void)unused;
    close(pair.client);
    while (!end) nd_sleep(MS);
    _exit(0);
}
static char stack[256 * 1024] __attribute__((aligned(64)));

int main(void) {
    CHECK(getpid() != 1);
    pair = nd_tcp_pair();
    pid_t child = clone(child_body, stack + sizeof stack, CLONE_VM | CLONE_NEWPID | SIGCHLD, NULL);
    if (child < 0) SKIP("no clone with CLONE_NEWPID: %s", strerror(errno));
    nd_sleep(50 * MS);
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);
    end = 1;
    CHECK_CHILD_OK(child, 5 * SEC);
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);
    return 0;
}
