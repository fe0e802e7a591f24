// A wait that ends before the deadline returns 0 at its own end, and the next one goes on to the deadline; a deadline a century
// away, or at the end of time, changes nothing about waits, and data that comes ends them as ever.
// Source: poll(2), epoll_wait(2); issue, 3: INT64_MAX no overflow.
//
// api: yes
#include "apin_wait.h"

int main(void) {
    APIN_EACH_WAY(way) {
        struct nd_pair pair = apin_pair(API_TCP);
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        int64_t start = nd_now(), far[] = {start + 80 * MS, start + SEC * 86400 * 366 * 100, INT64_MAX - 1, INT64_MAX};
        for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
            start = nd_now();
            if (!i) far[0] = start + 300 * MS;
            CHECK_EQ(nd_set_deadline(pair.client, far[i]), 0);
            int bits = nb_wait(&waiter, 15);
            // A machine that sleeps that long has met the deadline.
            if (!i && bits && nd_now() >= far[0]) continue;
            CHECK_EQ(bits, 0);
            CHECK_ENDED_AT(start, 15 * MS);
            CHECK_EQ(nb_wait(&waiter, 0), i || nd_now() < far[0] ? 0 : POLLIN);
            if (!i) {
                CHECK_EQ(nb_wait(&waiter, 20000), POLLIN);
                CHECK_ENDED_AT(start, 300 * MS);
                continue;
            }
            struct nd_later later;
            nd_send_later(&later, pair.peer, 5 * MS, "d", 1);
            CHECK_EQ(nb_wait(&waiter, -1), POLLIN);
            apin_read_all(pair.client, "d", 1);
            nd_later_join(&later);
        }
        nb_done(&waiter);
        api_close(&pair);
    }
    return 0;
}
