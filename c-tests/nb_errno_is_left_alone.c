// A wait that succeeds, with an event of the kernel's, an expiry, or none, leaves errno as it was.
// Source: TRAPS: errno clobbered by a debug line or by initialisation (VPP vcl).
//
// native: yes
// env: NETDEADLINE_READ=150ms NETDEADLINE_CONNECT=1s
// env: none
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        char byte;
        errno = 4711;
        nb_wait(&waiter, 0);
        CHECK_EQ(errno, 4711);
        nb_wait(&waiter, 250);
        CHECK_EQ(errno, 4711);
        nb_send_now(pair.peer, pair.client);
        errno = 4711;
        CHECK_EQ(nb_wait(&waiter, 3000), POLLIN);
        CHECK_EQ(errno, 4711);
        CHECK_EQ(read(pair.client, &byte, 1), 1);
        CHECK_EQ(write(pair.client, &byte, 1), 1);
        CHECK_EQ(errno, 4711);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
