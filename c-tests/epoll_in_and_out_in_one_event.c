// A registration for IN and OUT on a writable socket: the kernel says OUT in every call, which must not keep the read deadline
// from being told; and a call never has two events of one registration.
// Source: SEMANTICS "Non-blocking sockets" 4; TRAPS: EPOLLOUT reported twice.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set();
    char byte;
    uint32_t bits = 0;
    int64_t start = nd_now();
    nb_add(set, pair.client, EPOLLIN | EPOLLOUT);
    while (!(bits & EPOLLIN)) {
        struct epoll_event events[4];
        CHECK_EQ(epoll_wait(set, events, 4, 1000), 1);
        CHECK_EQ(nb_event_fd(&events[0]), pair.client);
        bits = events[0].events;
        CHECK(bits && !(bits & ~(unsigned)(EPOLLIN | EPOLLOUT)));
        CHECK(nd_now() < start + 4 * SEC);
        nd_sleep(5 * MS);
    }
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_EQ(nb_one(set, 1000, NULL), EPOLLOUT);
    return 0;
}
