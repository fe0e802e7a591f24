// epoll_wait's own answers hold with us in front: EINVAL for no room and for fds that are no set, EBADF, EFAULT only when there is
// something to write, an invalid timespec; pwait2 leaves its timespec alone.
// Source: epoll_wait(2).
//
// native: yes
// env: NETDEADLINE_READ=1h
// env: none
#include "nb_wait.h"
#include <sys/mman.h>

int main(void) {
    struct nd_pair pair = nb_pair();
    struct epoll_event event;
    int set = nb_set();
    nb_add(set, pair.client, EPOLLIN);
    CHECK_ERRNO(epoll_wait(set, &event, 0, 10), EINVAL);
    volatile int negative = -1;
    CHECK_ERRNO(epoll_wait(set, &event, negative, 10), EINVAL);
    CHECK_ERRNO(epoll_wait(pair.client, &event, 1, 10), EINVAL);
    CHECK_ERRNO(epoll_wait(-1, &event, 1, 10), EBADF);
    CHECK_ERRNO(epoll_wait(1 << 20, &event, 1, 10), EBADF);
    CHECK_ERRNO(epoll_pwait(set, &event, 0, 10, NULL), EINVAL);
    struct timespec bad = {.tv_nsec = 1000000000};
    CHECK_ERRNO(epoll_pwait2(set, &event, 1, &bad, NULL), EINVAL);
    struct timespec at = {.tv_nsec = 1300000};
    int64_t start = nd_now();
    CHECK_EQ(epoll_pwait2(set, &event, 1, &at, NULL), 0);
    CHECK_ENDED_AT(start, 1300 * 1000);
    CHECK_EQ(at.tv_nsec, 1300000);
    void *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_EQ(epoll_wait(set, hole, 1, 20), 0);
    nb_send_now(pair.peer, pair.client);
    CHECK_ERRNO(epoll_wait(set, hole, 1, 20), EFAULT);
    CHECK_EQ(nb_one(set, 3000, NULL), EPOLLIN);
    return 0;
}
