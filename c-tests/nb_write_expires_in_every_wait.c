// A write that found no room arms the write deadline: OUT at the deadline in each of the seven waits, then ETIMEDOUT once,
// then EAGAIN and a new clock.
// Source: SEMANTICS "Classes", write; "Non-blocking sockets" 1, 6.
//
// env: NETDEADLINE_WRITE=200ms
// needs: musl
#include "nb_wait.h"

int main(void) {
    int ended = 0;
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_full_pair();
        int64_t start = nd_now();
        CHECK_ERRNO(write(pair.client, "x", 1), EAGAIN);
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLOUT);
        for (int round = 0; round < 2; round++) {
            CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT);
            CHECK_ENDED_AT(start, 200 * MS);
            CHECK_ERRNO(write(pair.client, "x", 1), ETIMEDOUT);
            start = nd_now();
            CHECK_ERRNO(write(pair.client, "x", 1), EAGAIN);
        }
        ended += 2;
        CHECK_RECORDS("write", ended);
        CHECK_RECORD("write", "operation", nb_names[way]);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
