// A reset before the deadline keeps its own errors; the expiry does not cover them up.
// Source: SEMANTICS "Classes": read ends at an error.
//
// native: yes
// env: NETDEADLINE_READ=300ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        struct linger abort = {.l_onoff = 1};
        char byte;
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 50), 0);
        nd_raw(SYS_setsockopt, pair.peer, SOL_SOCKET, SO_LINGER, (long)&abort, sizeof abort, 0);
        nd_raw_close(pair.peer);
        CHECK_EQ(nb_wait(&waiter, 5000), nb_is_select(way) ? POLLIN : POLLIN | POLLERR | POLLHUP);
        CHECK_ERRNO(read(pair.client, &byte, 1), ECONNRESET);
        CHECK_EQ(read(pair.client, &byte, 1), 0);
        nb_done(&waiter);
        close(pair.client);
    }
    CHECK_NO_RECORDS();
    return 0;
}
