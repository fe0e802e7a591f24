// A request that gets not one byte of answer ends at the response deadline, which counts from the last write.
// Source: SEMANTICS "Classes", response.
//
// env: NETDEADLINE_RESPONSE=200ms
// env: NETDEADLINE_RESPONSE=200ms NETDEADLINE_READ=20s NETDEADLINE_LIFETIME=1h
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        char byte;
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_EQ(write(pair.client, "q", 1), 1);
        CHECK_EQ(nb_wait(&waiter, 80), 0);
        int64_t start = nd_now();
        CHECK_EQ(write(pair.client, "q", 1), 1);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    CHECK_RECORDS("response", 7);
    CHECK_RECORD("response", "source", "NETDEADLINE_RESPONSE");
    return 0;
}
