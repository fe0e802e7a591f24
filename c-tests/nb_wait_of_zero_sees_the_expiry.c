// A wait with timeout 0 does not wait, but reports a deadline that has passed.
// Source: SEMANTICS "Non-blocking sockets": at expiry the wait reports the fd ready.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        char byte;
        int bits;
        int64_t start = nd_now();
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        while ((bits = nb_wait(&waiter, 0)) == 0) {
            CHECK(nd_now() < start + 4 * SEC);
            nd_sleep(5 * MS);
        }
        CHECK_EQ(bits, POLLIN);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
