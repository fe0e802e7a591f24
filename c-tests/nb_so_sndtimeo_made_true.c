// SO_SNDTIMEO that the program itself set on a non-blocking socket holds in each of the seven waits: OUT at the deadline,
// then ETIMEDOUT once.
// Source: SEMANTICS "Sources" 2 and "Errno".
//
// env: none
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_full_pair();
        nd_set_timeout(pair.client, SO_SNDTIMEO, 200 * MS);
        int64_t start = nd_now();
        CHECK_ERRNO(write(pair.client, "x", 1), EAGAIN);
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLOUT);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_ERRNO(write(pair.client, "x", 1), ETIMEDOUT);
        CHECK_ERRNO(write(pair.client, "x", 1), EAGAIN);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    CHECK_RECORD("so_sndtimeo", "source", "SO_SNDTIMEO");
    return 0;
}
