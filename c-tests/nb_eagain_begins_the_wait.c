// A read that said EAGAIN has begun the wait: a poll or select that follows it soon ends at the deadline of that read. (A set
// counts from the registration.)
// Source: SEMANTICS "Non-blocking sockets" 1; "Classes": only a gap of more than max(100 ms, D/10) starts the clock anew.
//
// env: NETDEADLINE_READ=600ms
// env: RCVTIMEO=600ms
#include "nb_wait.h"

int main(void) {
    static const enum nb_way ways[] = {NB_POLL, NB_SELECT};
    for (int i = 0; i < 2; i++) {
        struct nd_pair pair = nb_pair();
        char byte;
        if (getenv("RCVTIMEO")) nd_set_timeout(pair.client, SO_RCVTIMEO, nd_env_ns("RCVTIMEO"));
        int64_t start = nd_now();
        CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        nd_sleep(70 * MS);
        struct nb_waiter waiter = nb_waiter(ways[i], pair.client, POLLIN);
        int64_t begun = nd_now();
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ENDED_AT(start, 600 * MS);
        // On a machine so busy that 70 ms became 100, the clock may rightly have started anew.
        if (begun < start + 95 * MS) CHECK_AT_ONCE(begun, 599 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
