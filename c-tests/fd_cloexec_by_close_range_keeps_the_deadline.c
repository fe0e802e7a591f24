// close_range with CLOSE_RANGE_CLOEXEC closes nothing: the sockets keep their deadlines. A range that fails closes nothing.
// Source: close_range(2); SEMANTICS "fds and processes".
//
// env: NETDEADLINE_LIFETIME=800ms
#include "fd_nd.h"
extern int close_range(unsigned first, unsigned last, int flags);

int main(void) {
    int64_t start = nd_now();
    struct nd_pair pair = nd_tcp_pair();
    struct fd_served served = fd_serve();
    nd_sleep(500 * MS);
    if (close_range(3, ~0U, 4)) SKIP("no CLOSE_RANGE_CLOEXEC: %s", strerror(errno));
    CHECK_ERRNO(close_range(10, 3, 0), EINVAL);
    CHECK_ERRNO(close_range(3, ~0U, 1 << 20), EINVAL);
    char byte;
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    int64_t took = nd_now() - start;
    // A lifetime that began anew would end at 1.3 s.
    if (took < 800 * MS || took >= 1290 * MS) FAIL("after %.3f s", (double)took / 1e9);
    CHECK_READ_WAITS(served.served, served.client, 1200 * MS);
    return 0;
}
