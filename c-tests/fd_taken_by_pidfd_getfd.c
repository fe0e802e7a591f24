// A descriptor taken with pidfd_getfd is a copy like any other: same description, same lifetime.
// Source: SEMANTICS "fds and processes"; pidfd_getfd(2).
//
// env: NETDEADLINE_LIFETIME=800ms
#include "fd_nd.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    int64_t start = nd_now();
    char byte;
    nd_sleep(500 * MS);
    long self = syscall(SYS_pidfd_open, getpid(), 0);
    if (self < 0) SKIP("no pidfd_open: %s", strerror(errno));
    long copy = syscall(SYS_pidfd_getfd, self, pair.client, 0);
    if (copy < 0) SKIP("no pidfd_getfd: %s", strerror(errno));
    close(pair.client);
    CHECK_ERRNO(read((int)copy, &byte, 1), ETIMEDOUT);
    int64_t took = nd_now() - start;
    if (took < 790 * MS || took >= 1290 * MS) FAIL("after %.3f s", (double)took / 1e9);
    return 0;
}
