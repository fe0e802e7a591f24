// As long as a deadline is past, poll, select and a level-triggered set report the socket at every wait, whether there is data or
// not; calls in between change nothing, and take nothing. (A set reports it once a millisecond: a wait of no length may come
// between.)
// Source: SEMANTICS "Sources of a deadline" 1 (sticky, checked before the call, consumes nothing).
//
// api: yes
#include "apin_wait.h"

int main(void) {
    APIN_EACH_KIND(kind) APIN_EACH_WAY(way) {
        struct nd_pair pair = apin_pair(kind);
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        char byte;
        CHECK_EQ(nd_set_deadline(pair.client, nd_now() - 1), 0);
        for (int round = 0; round < 12; round++) {
            int64_t start = nd_now();
            CHECK_EQ(nb_wait(&waiter, round % 2 && !nb_is_epoll(way) ? 0 : 5000), POLLIN);
            CHECK_AT_ONCE(start, ND_LATE);
            if (round % 3 == 1) CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
            if (round % 3 == 2) CHECK_ERRNO(io_write(pair.client, "x", 1), ETIMEDOUT);
            if (round == 5) apin_arrive(&pair, "data", 4);
        }
        CHECK_EQ(nd_set_deadline(pair.client, 0), 0);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        apin_read_all(pair.client, "data", 4);
        nb_done(&waiter);
        api_close(&pair);
    }
    return 0;
}
