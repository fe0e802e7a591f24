// A set in a set in a set: the expiry of a socket in the innermost wakes a wait on the outermost, which has nothing else to wake
// it, and the sets in between hold the event.
// Source: SEMANTICS "Non-blocking sockets" 2; TRAPS: nested epoll unsupported (libvma #219).
//
// env: NETDEADLINE_READ=200ms
// cap: 10
#include "nb_wait.h"

int main(void) {
    static const uint32_t modes[] = {0, EPOLLET};
    for (int i = 0; i < 2; i++) {
        struct nd_pair pair = nb_pair();
        int inner = nb_set(), middle = nb_set(), outer = nb_set(), whose;
        char byte;
        nb_add(outer, middle, EPOLLIN | modes[i]);
        nb_add(middle, inner, EPOLLIN | modes[i]);
        int64_t start = nd_now();
        nb_add(inner, pair.client, EPOLLIN | modes[i]);
        CHECK_EQ(nb_one(outer, -1, &whose), EPOLLIN);
        CHECK_EQ(whose, middle);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_EQ(nb_one(middle, 1000, &whose), EPOLLIN);
        CHECK_EQ(whose, inner);
        CHECK_EQ(nb_one(inner, 1000, &whose), EPOLLIN);
        CHECK_EQ(whose, pair.client);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        close(inner);
        close(middle);
        close(outer);
        nd_pair_close(&pair);
    }
    return 0;
}
