// The lifetime counts from the connect, also for a connection that is only waited on: in every wait, once recorded.
// Source: SEMANTICS "Classes", lifetime.
//
// env: NETDEADLINE_LIFETIME=250ms
#include "nb_wait.h"

int main(void) {
    int ended = 0;
    NB_EACH_WAY(way) {
        char byte;
        int64_t start = nd_now();
        struct nd_pair pair = nb_pair();
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 60), 0);
        CHECK_EQ(write(pair.client, "q", 1), 1);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ENDED_AT(start, 250 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_RECORDS("lifetime", ++ended);
        CHECK_RECORD("lifetime", "source", "NETDEADLINE_LIFETIME");
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
