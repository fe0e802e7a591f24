// A forked child has the deadlines of the sockets it inherited, a lifetime goes on rather than anew, and what the child
// closes or expires does not touch the parent's.
// Source: SEMANTICS "fds and processes", fork.
//
// env: NETDEADLINE_READ=400ms NETDEADLINE_LIFETIME=3s
#include "fd_nd.h"

int main(void) {
    int64_t start = nd_now();
    struct nd_pair pair = nd_tcp_pair(), closed = nd_tcp_pair();
    struct fd_served served = fd_serve();
    pid_t child = fork();
    if (!child) {
        char byte;
        MUST(close(closed.client));
        CHECK_READ_TIMES_OUT(pair.client, 400 * MS);
        CHECK_READ_WAITS(served.served, served.client, 900 * MS);
        nd_sleep(start + 3 * SEC + 20 * MS - nd_now());
        int64_t before = nd_now();
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_AT_ONCE(before, 300 * MS);
        _exit(0);
    }
    CHECK_READ_TIMES_OUT(pair.client, 400 * MS);
    CHECK_READ_TIMES_OUT(closed.client, 400 * MS);
    CHECK_CHILD_OK(child, 10 * SEC);
    char pid[16];
    snprintf(pid, sizeof pid, "%d", (int)child);
    CHECK_EQ(nd_records_with("pid", pid), 2);
    return 0;
}
