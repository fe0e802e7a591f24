// A set that is waited on with poll or select (glib does it) becomes readable at the deadline of a socket in it, and epoll_wait
// with timeout 0 then has the event.
// Source: SEMANTICS "Non-blocking sockets" 2.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        int set = nb_set(), whose;
        char byte;
        int64_t start = nd_now();
        nb_add(set, pair.client, EPOLLIN);
        struct nb_waiter waiter = nb_waiter(way, set, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_EQ(nb_one(set, 0, &whose), EPOLLIN);
        CHECK_EQ(whose, pair.client);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        close(set);
        nd_pair_close(&pair);
    }
    return 0;
}
