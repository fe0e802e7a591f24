// A short write arms the write deadline like one that found no room at all.
// Source: SEMANTICS "Non-blocking sockets" 1.
//
// env: NETDEADLINE_WRITE=250ms
#include "nb_wait.h"

int main(void) {
    static char block[4 << 20];
    struct nd_pair pair = nb_pair();
    nd_small_buffers(&pair);
    ssize_t sent = write(pair.client, block, sizeof block);
    CHECK(sent > 0 && sent < (ssize_t)sizeof block);
    int64_t start = nd_now();
    // The kernel may still move bytes into the peer's buffer for a moment: that is progress, the deadline counts from its end.
    struct nb_waiter waiter = nb_waiter(NB_EPOLL_WAIT, pair.client, POLLOUT);
    while (nb_wait(&waiter, 5000) == POLLOUT && (sent = write(pair.client, block, sizeof block)) > 0) start = nd_now();
    CHECK_EQ(sent, -1);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_ENDED_AT(start, 250 * MS);
    CHECK_RECORDS("write", 1);
    return 0;
}
