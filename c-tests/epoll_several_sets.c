// One fd in several sets: each set gets the event, with the data that was registered there, in threads that wait and in waits
// that come later.
// Source: SEMANTICS "Non-blocking sockets" 4; TRAPS: one fd in several sets (Onload).
//
// env: NETDEADLINE_READ=250ms
#include "nb_wait.h"

static int64_t start;
static void *waiter(void *argument) {
    int set = *(int *)argument;
    struct epoll_event event;
    CHECK_EQ(epoll_wait(set, &event, 1, 5000), 1);
    CHECK_ENDED_AT(start, 250 * MS);
    CHECK_EQ(event.events, EPOLLIN);
    CHECK_EQ(event.data.u64, 1000 + (uint64_t)set);
    return NULL;
}

int main(void) {
    struct nd_pair pair = nb_pair();
    struct nd_thread threads[2];
    char byte;
    int sets[3];
    start = nd_now();
    for (int i = 0; i < 3; i++) {
        sets[i] = nb_set();
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = 1000 + (uint64_t)sets[i]};
        MUST(epoll_ctl(sets[i], EPOLL_CTL_ADD, pair.client, &event));
    }
    for (int i = 0; i < 2; i++) threads[i] = nd_start(waiter, &sets[i]);
    for (int i = 0; i < 2; i++) nd_join(threads[i], 6 * SEC);
    // Nobody was in the third.
    waiter(&sets[2]);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_RECORDS("read", 1);
    return 0;
}
