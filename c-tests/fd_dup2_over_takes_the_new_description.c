// dup2 replaces what a number means: an unmanaged description over a managed number has no deadline, a managed one over an
// unmanaged number has one, a dup2 that fails or is onto itself changes nothing.
// Source: SEMANTICS "fds and processes"; dup(2).
//
// env: NETDEADLINE_READ=300ms
#include "fd_nd.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair(), second = nd_tcp_pair();
    int ends[2], pipes[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    MUST(pipe(pipes));
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);

    CHECK_ERRNO(dup2(900, pair.client), EBADF);
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);
    CHECK_EQ(dup2(pair.client, pair.client), pair.client);
    CHECK_ERRNO(dup3(pair.client, pair.client, 0), EINVAL);
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);

    CHECK_EQ(dup2(ends[0], pair.client), pair.client);
    CHECK_READ_WAITS(pair.client, ends[1], 900 * MS);
    CHECK_EQ(dup3(pipes[0], pair.client, 0), pair.client);
    CHECK_READ_WAITS(pair.client, pipes[1], 900 * MS);
    CHECK_EQ(dup2(second.client, pipes[0]), pipes[0]);
    CHECK_READ_TIMES_OUT(pipes[0], 300 * MS);
    CHECK_RECORDS("read", 4);
    return 0;
}
