// A wait without a timeout ends at the deadline: nothing else would end it.
// Source: issue 2: hangs become errors.
//
// env: NETDEADLINE_READ=200ms
// cap: 12
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        char byte;
        int64_t start = nd_now();
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_EQ(nb_wait(&waiter, -1), POLLIN);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
