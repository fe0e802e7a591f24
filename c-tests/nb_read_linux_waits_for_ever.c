// Linux's own: SO_RCVTIMEO on a non-blocking socket bounds neither a read nor any wait. NETDEADLINE_SO_TIMEO=kernel keeps it so.
// Source: socket(7): timeouts have no effect for select, poll, epoll_wait; FACTS "Real gaps".
//
// native: yes
// env: NETDEADLINE_SO_TIMEO=kernel
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    nd_set_timeout(pair.client, SO_RCVTIMEO, 100 * MS);
    char byte;
    NB_EACH_WAY(way) {
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        CHECK_QUIET(&waiter, 250);
        CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        nb_done(&waiter);
    }
    CHECK_NO_RECORDS();
    return 0;
}
