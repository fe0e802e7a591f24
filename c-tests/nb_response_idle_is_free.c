// The response deadline never ends a connection that is idle: not before the first request, not after an answer that came,
// however long the program waits for more.
// Source: SEMANTICS "Classes", response: connections in a client's pool.
//
// env: NETDEADLINE_RESPONSE=120ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        char byte;
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_QUIET(&waiter, 220);
        CHECK_EQ(write(pair.client, "q", 1), 1);
        nb_send_now(pair.peer, pair.client);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_EQ(read(pair.client, &byte, 1), 1);
        CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        CHECK_QUIET(&waiter, 220);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    CHECK_NO_RECORDS();
    return 0;
}
