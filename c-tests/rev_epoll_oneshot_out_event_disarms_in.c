// A one-shot registration for both directions whose EPOLLOUT was told is disarmed altogether: until the program modifies it, no
// event of ours comes from it either (another thread would serve the same connection).
// Source: SEMANTICS "Non-blocking sockets" 4; epoll(7), EPOLLONESHOT.
//
// env: NETDEADLINE_READ=300ms
// cap: 12
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set();
    nb_add(set, pair.client, EPOLLIN | EPOLLOUT | EPOLLONESHOT);
    CHECK_EQ(nb_one(set, 1000, NULL), EPOLLOUT);
    // Its worker is at it for a second.
    CHECK_EQ(nb_one(set, 1000, NULL), 0);
    return 0;
}
