// A dup of an epoll fd is the same set: what was registered through one is told through the other, and goes on when the
// original is closed.
// Source: SEMANTICS "Non-blocking sockets" 3 (mio does it).
//
// env: NETDEADLINE_READ=150ms
#include "nb_wait.h"

int main(void) {
    for (int how = 0; how < 4; how++) {
        fprintf(stderr, "how: %d\n", how);
        struct nd_pair first = nb_pair(), second = nb_pair();
        int set = nb_set(), other = -1, whose;
        char byte;
        switch (how) {
        case 0: other = MUST(dup(set)); break;
        case 1: other = MUST(fcntl(set, F_DUPFD_CLOEXEC, 0)); break;
        case 2: other = MUST(dup2(set, 100)); break;
        case 3: other = MUST(dup3(set, 100, O_CLOEXEC)); break;
        }
        int64_t start = nd_now();
        nb_add(set, first.client, EPOLLIN);
        CHECK_EQ(nb_one(other, 5000, &whose), EPOLLIN);
        CHECK_ENDED_AT(start, 150 * MS);
        CHECK_EQ(whose, first.client);
        CHECK_ERRNO(read(first.client, &byte, 1), ETIMEDOUT);
        MUST(epoll_ctl(other, EPOLL_CTL_DEL, first.client, NULL));
        start = nd_now();
        nb_add(other, second.client, EPOLLIN);
        CHECK_EQ(nb_one(set, 5000, &whose), EPOLLIN);
        CHECK_ENDED_AT(start, 150 * MS);
        CHECK_EQ(whose, second.client);
        CHECK_ERRNO(read(second.client, &byte, 1), ETIMEDOUT);
        MUST(close(set));
        start = nd_now();
        nb_add(other, first.client, EPOLLIN);
        CHECK_EQ(nb_one(other, 5000, NULL), EPOLLIN);
        CHECK_ENDED_AT(start, 100 * MS);
        close(other);
        nd_pair_close(&first);
        nd_pair_close(&second);
    }
    return 0;
}
