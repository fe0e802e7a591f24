// A process 1 of a pid namespace that clones with CLONE_VM and CLONE_NEWPID: both see pid 1 and share memory. The child's
// closes do not touch the parent's tables.
// Source: SEMANTICS "fds and processes": compare the pid and its namespace, or note such clones at the door.
//
// env: NETDEADLINE_READ=300ms
// needs: root
#include "fd_nd.h"
#include <sched.h>

static struct fd_served served;
static struct nd_pair pair;
static int own_pid;
static int child_body(void *unused) {
    (void)unused;
    own_pid = (int)getpid();
    close(served.served);
    close(pair.client);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    dup2(fd, served.served);
    _exit(0);
}
static char stack[256 * 1024] __attribute__((aligned(64)));

static int as_pid_1(void *unused) {
    (void)unused;
    CHECK_EQ(getpid(), 1);
    pair = nd_tcp_pair();
    served = fd_serve();
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);
    int status;
    pid_t child = clone(child_body, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_NEWPID | SIGCHLD, NULL);
    if (child < 0) SKIP("no clone with CLONE_NEWPID: %s", strerror(errno));
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(own_pid, 1);
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);
    CHECK_READ_WAITS(served.served, served.client, 900 * MS);
    return 0;
}

int main(void) {
    if (unshare(CLONE_NEWPID)) SKIP("no pid namespace: %s", strerror(errno));
    pid_t child = fork();
    if (!child) _exit(as_pid_1(NULL));
    int status = nd_reap(child, 15 * SEC);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("skipped in the namespace");
    CHECK_EQ(status, 0);
    return 0;
}
