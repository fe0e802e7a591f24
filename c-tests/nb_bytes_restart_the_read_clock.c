// Every byte received restarts the read clock: a peer that drips is not cut by it. The end counts from the last byte.
// Source: SEMANTICS "Classes", read.
//
// env: NETDEADLINE_READ=400ms
// env: RCVTIMEO=400ms
#include "nb_wait.h"

int main(void) {
    enum { BYTES = 8 };
    static const enum nb_way ways[] = {NB_POLL, NB_SELECT, NB_EPOLL_WAIT};
    const char *timeout = getenv("RCVTIMEO");
    struct nd_pair pairs[3];
    struct nd_later later[3];
    int64_t last[3] = {0};
    int got[3] = {0};
    for (int i = 0; i < 3; i++) {
        pairs[i] = nb_pair();
        if (timeout) nd_set_timeout(pairs[i].client, SO_RCVTIMEO, nd_env_ns("RCVTIMEO"));
    }
    for (int i = 0; i < 3; i++) {
        char byte;
        struct nb_waiter waiter = nb_waiter(ways[i], pairs[i].client, POLLIN);
        nd_drip(&later[i], pairs[i].peer, 100 * MS, BYTES);
        for (;;) {
            CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
            errno = 0;
            if (read(pairs[i].client, &byte, 1) != 1) break;
            last[i] = nd_now();
            got[i]++;
        }
        CHECK_EQ(errno, ETIMEDOUT);
        CHECK_EQ(got[i], BYTES);
        // The byte came before the read that took it: the clock may run from its arrival.
        CHECK_ENDED_AT(last[i], 400 * MS - 100 * MS);
        nd_later_join(&later[i]);
        nb_done(&waiter);
    }
    return 0;
}
