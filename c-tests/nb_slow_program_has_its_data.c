// A program that comes back after the deadline and finds data in the kernel was slow itself: it gets the data, no timeout, no
// record. The same for a wait that was armed and abandoned, and for reads without any wait.
// Source: SEMANTICS "Non-blocking sockets" 5.
//
// env: NETDEADLINE_READ=150ms
// env: NETDEADLINE_RESPONSE=150ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        char byte = 0;
        CHECK_EQ(write(pair.client, "q", 1), 1);
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 30), 0);
        CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        nb_send_now(pair.peer, pair.client);
        nd_sleep(250 * MS);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_EQ(read(pair.client, &byte, 1), 1);
        CHECK_EQ(byte, 'x');
        CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        nb_send_now(pair.peer, pair.client);
        nd_sleep(250 * MS);
        CHECK_EQ(read(pair.client, &byte, 1), 1);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    CHECK_NO_RECORDS();
    return 0;
}
