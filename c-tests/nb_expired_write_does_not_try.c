// After the event the next write answers ETIMEDOUT without trying, even if room has come meanwhile: not a byte leaves.
// After that the socket writes as before.
// Source: SEMANTICS "Non-blocking sockets" 6: the kernel may say POLLOUT=0 and yet accept a byte: that doubled the delay.
//
// env: NETDEADLINE_WRITE=200ms
#include "nb_wait.h"

int main(void) {
    static char block[4 << 20];
    struct nd_pair pair = nb_full_pair();
    CHECK_ERRNO(write(pair.client, "x", 1), EAGAIN);
    struct nb_waiter waiter = nb_waiter(NB_EPOLL_WAIT, pair.client, POLLOUT);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT);
    int64_t end = nd_now() + 5 * SEC;
    struct pollfd room = {.fd = pair.client, .events = POLLOUT};
    do {
        nd_drain(pair.peer);
        CHECK(nd_now() < end);
        nd_sleep(5 * MS);
    } while (nd_raw(SYS_poll, (long)&room, 1, 0, 0, 0, 0) != 1);
    while (nd_drain(pair.peer) > 0) nd_sleep(20 * MS);
    CHECK_ERRNO(write(pair.client, block, sizeof block), ETIMEDOUT);
    nd_sleep(20 * MS);
    CHECK_EQ(nd_drain(pair.peer), 0);
    CHECK_EQ(write(pair.client, "y", 1), 1);
    nd_sleep(20 * MS);
    CHECK_EQ(nd_drain(pair.peer), 1);
    return 0;
}
