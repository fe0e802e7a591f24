// SO_RCVTIMEO = 0 is no timeout, and each direction has its own: removing one leaves the other.
// Source: TRAPS: libvma, Onload (bug54968): 0 means for ever; one direction must not touch the other.
//
// env: none
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_full_pair();
    nd_set_timeout(pair.client, SO_RCVTIMEO, 100 * MS);
    nd_set_timeout(pair.client, SO_SNDTIMEO, 300 * MS);
    nd_set_timeout(pair.client, SO_RCVTIMEO, 0);
    NB_EACH_WAY(way) {
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_QUIET(&waiter, 200);
        nb_done(&waiter);
    }
    int64_t start = nd_now();
    CHECK_ERRNO(write(pair.client, "x", 1), EAGAIN);
    struct nb_waiter waiter = nb_waiter(NB_POLL, pair.client, POLLOUT);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT);
    CHECK_ENDED_AT(start, 300 * MS);
    CHECK_ERRNO(write(pair.client, "x", 1), ETIMEDOUT);
    return 0;
}
