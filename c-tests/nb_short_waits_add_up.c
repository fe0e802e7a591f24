// A program that waits in short steps, each shorter than the deadline, is told at the deadline all the same: the steps add up.
// Source: SEMANTICS "Classes", read: only a gap starts the clock anew.
//
// env: NETDEADLINE_READ=400ms
// env: RCVTIMEO=400ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        if (getenv("RCVTIMEO")) nd_set_timeout(pair.client, SO_RCVTIMEO, nd_env_ns("RCVTIMEO"));
        char byte;
        int steps = 0, bits;
        int64_t start = nd_now();
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        for (;; steps++) {
            int64_t step = nd_now();
            bits = nb_wait(&waiter, 30);
            if (bits) break;
            CHECK_ENDED_AT(step, 30 * MS);
            CHECK(nd_now() < start + 4 * SEC);
        }
        CHECK_EQ(bits, POLLIN);
        CHECK(steps > 0);
        CHECK_ENDED_AT(start, 400 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
