// A wait on a BLOCKING socket is not bounded by its SO_RCVTIMEO: a read timeout with a longer poll between requests is a
// common pair.
// Source: SEMANTICS "Sources" 2; socket(7).
//
// native: yes
// env: none
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    nd_set_timeout(pair.client, SO_RCVTIMEO, 120 * MS);
    NB_EACH_WAY(way) {
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_QUIET(&waiter, 250);
        nb_done(&waiter);
    }
    char byte;
    int64_t start = nd_now();
    CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
    CHECK_ENDED_AT(start, 120 * MS);
    return 0;
}
