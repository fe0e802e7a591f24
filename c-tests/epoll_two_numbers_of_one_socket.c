// A socket registered in one set under two numbers (dup): each registration gets its event.
// Source: SEMANTICS "Non-blocking sockets" 4; epoll(7), Q0: the key is number and description.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set(), other = MUST(dup(pair.client)), seen = 0;
    char byte;
    int64_t start = nd_now();
    nb_add(set, pair.client, EPOLLIN);
    nb_add(set, other, EPOLLIN);
    while (seen != 3) {
        struct epoll_event events[4];
        int count = epoll_wait(set, events, 4, 3000);
        CHECK(count > 0 && count <= 2);
        for (int i = 0; i < count; i++) {
            int fd = nb_event_fd(&events[i]);
            CHECK(fd == pair.client || fd == other);
            CHECK_EQ(events[i].events, EPOLLIN);
            seen |= fd == other ? 2 : 1;
        }
        CHECK(nd_now() < start + 4 * SEC);
    }
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_ERRNO(read(other, &byte, 1), ETIMEDOUT);
    CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
    return 0;
}
