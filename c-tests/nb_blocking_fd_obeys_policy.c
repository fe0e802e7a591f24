// A wait for data on a BLOCKING socket is bounded by the policy, and the read after the event answers at once.
// Source: SEMANTICS "Classes", read: it asks poll/select/epoll for IN.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nd_tcp_pair();
        char byte;
        int64_t start = nd_now();
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ENDED_AT(start, 200 * MS);
        start = nd_now();
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        // A new clock would have taken the deadline again.
        CHECK_AT_ONCE(start, 190 * MS);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    CHECK_RECORDS("read", 7);
    return 0;
}
