// Bytes that come between the event and the read win: the read returns them, and nothing of the expiry is left.
// Source: SEMANTICS "Non-blocking sockets" 6: only a write fails without trying; "Classes": read restarts on every byte.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        char byte = 0;
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        nb_send_now(pair.peer, pair.client);
        CHECK_EQ(read(pair.client, &byte, 1), 1);
        CHECK_EQ(byte, 'x');
        int64_t start = nd_now();
        CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
