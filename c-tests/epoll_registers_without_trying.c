// A level-triggered loop that registers for IN without having tried a read is told at the deadline, which counts from
// EPOLL_CTL_ADD; so are loops with edge-triggered and one-shot registrations.
// Source: SEMANTICS "Non-blocking sockets" 1: libuv, redis, asyncio, Java NIO register so.
//
// env: NETDEADLINE_READ=200ms
// env: RCVTIMEO=200ms
#include "nb_wait.h"

int main(void) {
    static const uint32_t modes[] = {0, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE, EPOLLRDHUP | EPOLLET};
    for (int i = 0; i < 5; i++) {
        fprintf(stderr, "mode: 0x%x\n", modes[i]);
        struct nd_pair pair = nb_pair();
        if (getenv("RCVTIMEO")) nd_set_timeout(pair.client, SO_RCVTIMEO, nd_env_ns("RCVTIMEO"));
        char byte;
        int set = nb_set();
        int64_t start = nd_now();
        nb_add(set, pair.client, EPOLLIN | modes[i]);
        CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        close(set);
        nd_pair_close(&pair);
    }
    return 0;
}
