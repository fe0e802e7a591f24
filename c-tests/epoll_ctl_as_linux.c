// epoll_ctl's own answers hold with us in front: DEL takes a NULL and an invalid event pointer, ADD does not; EEXIST, ENOENT,
// EBADF, EPERM, EINVAL as ever; a failed call changes nothing.
// Source: epoll_ctl(2); TRAPS: Onload (bug64746).
//
// native: yes
// env: NETDEADLINE_READ=1h
// env: none
// needs: musl
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set(), file = MUST(open("file", O_RDWR | O_CREAT, 0600));
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 1}, other = {.events = EPOLLIN, .data.u64 = 2}, got;
    void *invalid = (void *)8;
    CHECK_ERRNO(epoll_ctl(set, EPOLL_CTL_ADD, pair.client, invalid), EFAULT);
    CHECK_ERRNO(epoll_ctl(set, EPOLL_CTL_ADD, pair.client, NULL), EFAULT);
    CHECK_ERRNO(epoll_ctl(set, EPOLL_CTL_DEL, pair.client, NULL), ENOENT);
    CHECK_ERRNO(epoll_ctl(set, EPOLL_CTL_MOD, pair.client, &event), ENOENT);
    CHECK_ERRNO(epoll_ctl(set, EPOLL_CTL_ADD, file, &event), EPERM);
    CHECK_ERRNO(epoll_ctl(set, EPOLL_CTL_ADD, set, &event), EINVAL);
    CHECK_ERRNO(epoll_ctl(pair.client, EPOLL_CTL_ADD, set, &event), EINVAL);
    CHECK_ERRNO(epoll_ctl(set, EPOLL_CTL_ADD, -1, &event), EBADF);
    CHECK_ERRNO(epoll_ctl(-1, EPOLL_CTL_ADD, pair.client, &event), EBADF);
    CHECK_ERRNO(epoll_ctl(set, EPOLL_CTL_ADD, 1 << 20, &event), EBADF);
    CHECK_ERRNO(epoll_ctl(set, 99, pair.client, &event), EINVAL);
    for (int i = 0; i < 2; i++) {
        MUST(epoll_ctl(set, EPOLL_CTL_ADD, pair.client, &event));
        CHECK_ERRNO(epoll_ctl(set, EPOLL_CTL_ADD, pair.client, &other), EEXIST);
        CHECK_ERRNO(epoll_ctl(set, EPOLL_CTL_MOD, pair.client, invalid), EFAULT);
        nb_send_now(pair.peer, pair.client);
        CHECK_EQ(epoll_wait(set, &got, 1, 3000), 1);
        CHECK_EQ(got.data.u64, 1);
        nd_drain(pair.client);
        MUST(epoll_ctl(set, EPOLL_CTL_DEL, pair.client, i ? NULL : invalid));
        nb_send_now(pair.peer, pair.client);
        CHECK_EQ(epoll_wait(set, &got, 1, 50), 0);
        nd_drain(pair.client);
    }
    return 0;
}
