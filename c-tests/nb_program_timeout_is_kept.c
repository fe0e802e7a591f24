// The program's own timeout of a wait holds beside the deadline: shorter than the deadline it ends with 0, never early; 0
// does not wait; with nothing armed nothing changes.
// Source: SEMANTICS "Non-blocking sockets" 9.
//
// native: yes
// env: NETDEADLINE_READ=3s
// env: NETDEADLINE_READ=1h NETDEADLINE_WRITE=1h
// env: none
// needs: musl
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        int64_t start = nd_now();
        CHECK_EQ(nb_wait(&waiter, 0), 0);
        CHECK_AT_ONCE(start, 1 * SEC);
        CHECK_QUIET(&waiter, 1);
        CHECK_QUIET(&waiter, 120);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    CHECK_NO_RECORDS();
    return 0;
}
