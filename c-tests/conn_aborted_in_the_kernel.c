// An expired attempt is over for the kernel too: when the peer begins to answer later, nobody gets connected. (The
// kernel's own attempt would: block_linux_black_hole.)
// Source: SEMANTICS "Non-blocking sockets" 7.
//
// env: NETDEADLINE_CONNECT=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    int fd = nb_connecting(&hole.at);
    CHECK_EQ(nd_tcp_state(fd), TCP_SYN_SENT);
    struct nb_waiter waiter = nb_waiter(NB_EPOLL_WAIT, fd, POLLOUT);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT | POLLERR | POLLHUP);
    CHECK_EQ(nd_tcp_state(fd), TCP_CLOSE);
    nd_open_hole(&hole);
    // The SYN would be sent again a second after the first.
    CHECK(!nd_somebody_connects(hole.listener, 2 * SEC));
    CHECK_EQ(nd_tcp_state(fd), TCP_CLOSE);
    CHECK_EQ(nb_so_error(fd), ETIMEDOUT);
    return 0;
}
