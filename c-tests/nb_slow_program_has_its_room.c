// A program that was armed by a full window and comes back after the deadline to a window with room writes on.
// Source: SEMANTICS "Non-blocking sockets" 5.
//
// env: NETDEADLINE_WRITE=200ms
#include "nb_wait.h"

int main(void) {
    for (int waits = 0; waits < 2; waits++) {
        struct nd_pair pair = nb_full_pair();
        CHECK_ERRNO(write(pair.client, "x", 1), EAGAIN);
        struct nb_waiter waiter = nb_waiter(NB_EPOLL_WAIT, pair.client, POLLOUT);
        while (nd_drain(pair.peer) > 0) nd_sleep(30 * MS);
        nd_sleep(300 * MS);
        if (waits) CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT);
        CHECK_EQ(write(pair.client, "x", 1), 1);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    CHECK_NO_RECORDS();
    return 0;
}
