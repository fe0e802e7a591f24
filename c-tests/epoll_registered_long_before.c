// A registration is itself the wait: the deadline counts from it, although the program calls epoll_wait only later.
// Source: SEMANTICS "Non-blocking sockets" 1: arm on interest.
//
// env: NETDEADLINE_READ=400ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_EPOLL(way) {
        struct nd_pair pair = nb_pair();
        char byte;
        int64_t start = nd_now();
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        nd_sleep(300 * MS);
        int64_t begun = nd_now();
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ENDED_AT(start, 400 * MS);
        // Counted from the wait it would have taken 400 ms more.
        if (begun < start + 350 * MS) CHECK_AT_ONCE(begun, 390 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
