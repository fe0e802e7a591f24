// A one-shot registration that the program arms again without having read hears of the expiry again.
// Source: SEMANTICS "Non-blocking sockets" 8, 4.
//
// env: NETDEADLINE_READ=300ms
// cap: 12
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set(), there = 0;
    nb_add(set, pair.client, EPOLLIN | EPOLLONESHOT);
    CHECK_EQ(nb_one(set, 3000, NULL), EPOLLIN);
    // It looks how much there is, finds nothing, and waits on.
    MUST(ioctl(pair.client, FIONREAD, &there));
    CHECK_EQ(there, 0);
    CHECK_EQ(nb_one(set, 50, NULL), 0);
    nb_mod(set, pair.client, EPOLLIN | EPOLLONESHOT);
    CHECK_EQ(nb_one(set, 3000, NULL), EPOLLIN);
    return 0;
}
