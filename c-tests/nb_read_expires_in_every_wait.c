// A non-blocking socket that a program waits on for data is told at the read deadline in each of the seven waits: IN and
// nothing that was not asked for; the read answers ETIMEDOUT once, then EAGAIN, and the clock starts anew.
// Source: SEMANTICS "Classes", read; "Non-blocking sockets" 1, 4, 6.
//
// env: NETDEADLINE_READ=200ms
// needs: musl
#include "nb_wait.h"

int main(void) {
    int ended = 0;
    char byte;
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        int64_t start = nd_now();
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        for (int round = 0; round < 2; round++) {
            CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
            CHECK_ENDED_AT(start, 200 * MS);
            CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
            start = nd_now();
            CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        }
        ended += 2;
        CHECK_RECORDS("read", ended);
        CHECK_RECORD("read", "operation", nb_names[way]);
        CHECK_RECORD("read", "source", "NETDEADLINE_READ");
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
