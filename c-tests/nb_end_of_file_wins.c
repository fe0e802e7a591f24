// A peer that closes before the deadline ends the wait as ever: IN, 0 bytes, no record, and nothing at the deadline.
// Source: SEMANTICS "Classes": read ends at EOF.
//
// native: yes
// env: NETDEADLINE_READ=200ms NETDEADLINE_RESPONSE=200ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        char byte;
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 50), 0);
        nd_raw(SYS_shutdown, pair.peer, SHUT_WR, 0, 0, 0, 0);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_EQ(read(pair.client, &byte, 1), 0);
        nd_sleep(200 * MS);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_EQ(read(pair.client, &byte, 1), 0);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    CHECK_NO_RECORDS();
    return 0;
}
