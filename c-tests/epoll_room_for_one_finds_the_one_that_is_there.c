// With room for one event, no time to wait and one thing ready, epoll_wait gives it, also where the hidden timer's event came first:
// that one is taken out, and the kernel asked again.
// Source: SEMANTICS "Non-blocking sockets" 2, maxevents=1; found by tests/chaos (ten waits of ten found nothing).
//
// env: none
// native: yes
#include "nb_wait.h"

int main(void) {
    int a[2], b[2], set = nb_set(), whose;
    char byte;
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, a));
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, b));
    nd_set_timeout(a[0], SO_RCVTIMEO, 40 * MS);
    nb_add(set, b[0], EPOLLIN);
    for (int i = 0; i < 10; i++) {
        struct epoll_event two[2];
        nb_add(set, a[0], EPOLLIN);
        CHECK_EQ(epoll_wait(set, two, 2, 10), 0);
        MUST(epoll_ctl(set, EPOLL_CTL_DEL, a[0], NULL));
        if (i % 2) CHECK_EQ(epoll_wait(set, two, 2, 10), 0);
        // The timer of what is gone fires.
        nd_sleep(60 * MS);
        CHECK_EQ(write(b[1], "x", 1), 1);
        CHECK_EQ(nb_one(set, 0, &whose), EPOLLIN);
        CHECK_EQ(whose, b[0]);
        CHECK_EQ(read(b[0], &byte, 1), 1);
    }
    return 0;
}
