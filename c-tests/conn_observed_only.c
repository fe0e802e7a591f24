// In observe mode a connect that would have expired goes on undisturbed, and its record says so.
// Source: SEMANTICS "Policy text", NETDEADLINE_MODE.
//
// env: NETDEADLINE_CONNECT=150ms NETDEADLINE_MODE=observe
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    int fd = nb_connecting(&hole.at);
    struct nb_waiter waiter = nb_waiter(NB_EPOLL_WAIT, fd, POLLOUT);
    CHECK_QUIET(&waiter, 500);
    CHECK_EQ(nd_tcp_state(fd), TCP_SYN_SENT);
    nd_open_hole(&hole);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT);
    CHECK_EQ(nb_so_error(fd), 0);
    CHECK_RECORDS("connect", 1);
    CHECK_RECORD("connect", "observed", "true");
    return 0;
}
