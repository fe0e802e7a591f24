// A wait for room is not ended by the read deadline, nor a wait for data by a write deadline that nothing armed.
// Source: SEMANTICS "Sources": per direction; "Non-blocking sockets" 4.
//
// env: NETDEADLINE_READ=100ms
// env: RCVTIMEO=100ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_full_pair();
        if (getenv("RCVTIMEO")) nd_set_timeout(pair.client, SO_RCVTIMEO, nd_env_ns("RCVTIMEO"));
        CHECK_ERRNO(write(pair.client, "x", 1), EAGAIN);
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLOUT);
        CHECK_QUIET(&waiter, 250);
        CHECK_ERRNO(write(pair.client, "x", 1), EAGAIN);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    CHECK_NO_RECORDS();
    return 0;
}
