// The fd that wakes a set at a deadline is never an event of the program's: not with one fd, not with room for one event, not in
// waits that end by their own timeout, not after its deadline was moved or lost.
// Source: SEMANTICS "Non-blocking sockets" 2: filter its event always.
//
// env: NETDEADLINE_READ=100ms
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set(), pipes[2], told = 0;
    char byte;
    MUST(pipe(pipes));
    nb_add(set, pipes[0], EPOLLIN);
    nb_add(set, pair.client, EPOLLIN);
    int64_t end = nd_now() + 1500 * MS;
    for (int i = 0; nd_now() < end; i++) {
        struct epoll_event events[4];
        int room = i % 2 ? 1 : 4;
        int count = epoll_wait(set, events, room, 1 + i % 7);
        CHECK(count >= 0 && count <= room);
        for (int j = 0; j < count; j++) {
            CHECK_EQ(nb_event_fd(&events[j]), pair.client);
            CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
            told++;
        }
        if (i % 64 == 3) CHECK_EQ(write(pair.client, "q", 1), 1);
    }
    CHECK(told > 0);
    // A deadline that was armed and lost: its wake-up is no event, and does not end the wait early.
    nb_mod(set, pair.client, 0);
    for (int i = 0; i < 3; i++) {
        nb_mod(set, pair.client, EPOLLIN);
        nd_sleep(20 * MS);
        nb_mod(set, pair.client, 0);
        int64_t start = nd_now();
        CHECK_EQ(nb_one(set, 250, NULL), 0);
        CHECK_ENDED_AT(start, 250 * MS);
    }
    return 0;
}
