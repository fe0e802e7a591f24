// While bytes are still unsent the response clock does not run: a long upload to a slow reader is not cut, and its end starts
// the wait for the answer.
// Source: SEMANTICS "Classes", response: while SIOCOUTQ is above 0 the write class rules instead.
//
// env: NETDEADLINE_RESPONSE=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    static char block[1 << 20];
    char byte;
    nd_small_buffers(&pair);
    // Until there is no room: bytes stay behind in our own buffer.
    for (int quiet = 0; quiet < 5;) {
        if (write(pair.client, block, sizeof block) > 0) quiet = 0;
        else quiet++;
        nd_sleep(10 * MS);
    }
    struct nb_waiter waiter = nb_waiter(NB_EPOLL_WAIT, pair.client, POLLIN);
    CHECK_QUIET(&waiter, 500);
    int64_t start = nd_now();
    int unsent = 1;
    while (unsent) {
        nd_drain(pair.peer);
        MUST(ioctl(pair.client, TIOCOUTQ, &unsent));
        CHECK(nd_now() < start + 5 * SEC);
        nd_sleep(5 * MS);
    }
    CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
    CHECK_ENDED_AT(start, 0);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_RECORDS("response", 1);
    return 0;
}
