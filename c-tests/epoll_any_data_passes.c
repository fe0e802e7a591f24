// Whatever a program registers as its data comes back, in a set with a hidden fd too: zeros, ones, pids, pointers, small numbers;
// also for timerfds of its own.
// Source: SEMANTICS "Non-blocking sockets" 2: the filter takes our event and no other.
//
// native: yes
// env: NETDEADLINE_READ=1h
// env: none
#include "nb_wait.h"
#include <sys/eventfd.h>

int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set();
    nb_add(set, pair.client, EPOLLIN);
    CHECK_EQ(nb_one(set, 20, NULL), 0);
    uint64_t pid = (uint64_t)getpid();
    const uint64_t values[] = {0, 1, 7, UINT64_MAX, UINT64_MAX - 1, INT64_MAX, INT64_MIN, pid, pid << 32, ~pid,
                               pid << 32 | 0xffffffff, 0xffffffff, 0xffffffff00000000, (uintptr_t)&pid, pid << 16,
                               0xdeadbeefdeadbeef};
    enum { COUNT = sizeof values / sizeof *values };
    for (int i = 0; i < COUNT; i++) {
        int fd = i % 2 ? MUST(eventfd(1, EFD_NONBLOCK)) : MUST(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
        struct itimerspec soon = {.it_value.tv_nsec = 1};
        if (i % 2 == 0) MUST(timerfd_settime(fd, 0, &soon, NULL));
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = values[i]}, got = {0};
        MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
        if (epoll_wait(set, &got, 1, 3000) != 1) FAIL("no event for data 0x%llx", (unsigned long long)values[i]);
        CHECK_EQ(got.data.u64, values[i]);
        CHECK_EQ(got.events, EPOLLIN);
        MUST(close(fd));
    }
    return 0;
}
