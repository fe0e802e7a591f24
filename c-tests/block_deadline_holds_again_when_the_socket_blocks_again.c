// A socket that was O_NONBLOCK and is made blocking again, by any road, times out again.
// Source: SEMANTICS "Blocking calls": O_NONBLOCK is never cached.
//
// env: NETDEADLINE_READ=300ms
#include "nd_test.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    int on = 1, off = 0;
    char byte;
    MUST(ioctl(pair.client, FIONBIO, &on));
    CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
    MUST(ioctl(pair.client, FIONBIO, &off));
    nd_sleep(500 * MS);
    int64_t start = nd_now();
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_ENDED_AT(start, 300 * MS);
    nd_nonblocking(pair.client);
    nd_raw(SYS_fcntl, pair.client, F_SETFL, O_RDWR, 0, 0, 0);
    start = nd_now();
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_ENDED_AT(start, 300 * MS);
    return 0;
}
