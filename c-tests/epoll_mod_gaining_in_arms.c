// A registration without IN arms nothing; EPOLL_CTL_MOD that gains IN does, and the deadline counts from it.
// Source: SEMANTICS "Non-blocking sockets" 1.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    static const uint32_t without[] = {0, EPOLLPRI, EPOLLOUT | EPOLLET};
    for (int i = 0; i < 3; i++) {
        fprintf(stderr, "without: 0x%x\n", without[i]);
        struct nd_pair pair = nb_pair();
        char byte;
        int set = nb_set();
        nb_add(set, pair.client, without[i]);
        CHECK_EQ(nb_one(set, 50, NULL), without[i] & EPOLLOUT);
        CHECK_EQ(nb_one(set, 350, NULL), 0);
        int64_t start = nd_now();
        nb_mod(set, pair.client, EPOLLIN);
        CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        close(set);
        nd_pair_close(&pair);
    }
    return 0;
}
