// A peer that drips is cut by the lifetime, in every wait, and for good: later reads and writes fail too, and a wait ends at
// once, although there are bytes.
// Source: SEMANTICS "Classes", lifetime; "Non-blocking sockets" 6: sticky.
//
// env: NETDEADLINE_LIFETIME=300ms
// env: NETDEADLINE_LIFETIME=300ms NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_later later;
        char byte;
        int64_t start = nd_now();
        struct nd_pair pair = nb_pair();
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        nd_drip(&later, pair.peer, 50 * MS, 8);
        for (;;) {
            CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
            errno = 0;
            ssize_t got = read(pair.client, &byte, 1);
            if (got != 1) {
                CHECK_EQ(got, -1);
                CHECK_EQ(errno, ETIMEDOUT);
                break;
            }
        }
        CHECK_ENDED_AT(start, 300 * MS);
        nd_later_join(&later);
        nb_send_now(pair.peer, pair.client);
        int64_t past = nd_now();
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_ERRNO(write(pair.client, "x", 1), ETIMEDOUT);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_AT_ONCE(past, 2 * SEC);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
