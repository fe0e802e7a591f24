// A wait that was abandoned leaves no stale instant: after a gap longer than 100 ms the read clock starts anew with the
// next wait.
// Source: SEMANTICS "Classes", read: a gap between two waits of more than max(100 ms, D/10).
//
// env: NETDEADLINE_READ=300ms
// env: RCVTIMEO=300ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        // A registration in a set is itself a wait that goes on; only poll and select have gaps.
        if (nb_is_epoll(way)) continue;
        struct nd_pair pair = nb_pair();
        if (getenv("RCVTIMEO")) nd_set_timeout(pair.client, SO_RCVTIMEO, nd_env_ns("RCVTIMEO"));
        char byte;
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 100), 0);
        nd_sleep(400 * MS);
        int64_t start = nd_now();
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ENDED_AT(start, 300 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        nd_pair_close(&pair);
    }
    return 0;
}
