// In observe mode nothing is cut short: waits go on, reads and writes say EAGAIN, and each expiry is recorded as observed.
// Source: SEMANTICS "Policy text", NETDEADLINE_MODE.
//
// env: NETDEADLINE_READ=150ms NETDEADLINE_WRITE=150ms NETDEADLINE_MODE=observe
#include "nb_wait.h"

int main(void) {
    static const enum nb_way ways[] = {NB_POLL, NB_SELECT, NB_EPOLL_WAIT};
    for (int i = 0; i < 3; i++) {
        fprintf(stderr, "way: %s\n", nb_names[ways[i]]);
        struct nd_pair pair = nb_pair(), full = nb_full_pair();
        char byte;
        struct nb_waiter waiter = nb_waiter(ways[i], pair.client, POLLIN);
        CHECK_QUIET(&waiter, 300);
        CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        nb_send_now(pair.peer, pair.client);
        CHECK_EQ(nb_wait(&waiter, 3000), POLLIN);
        CHECK_EQ(read(pair.client, &byte, 1), 1);
        nb_done(&waiter);
        CHECK_ERRNO(write(full.client, "x", 1), EAGAIN);
        waiter = nb_waiter(ways[i], full.client, POLLOUT);
        CHECK_QUIET(&waiter, 300);
        CHECK_ERRNO(write(full.client, "x", 1), EAGAIN);
        nb_done(&waiter);
        nd_pair_close(&pair);
        nd_pair_close(&full);
        if (nd_shimmed()) {
            CHECK(nd_records("read", NULL) >= i + 1);
            CHECK(nd_records("write", NULL) >= i + 1);
            CHECK_RECORD("read", "observed", "true");
        }
    }
    return 0;
}
