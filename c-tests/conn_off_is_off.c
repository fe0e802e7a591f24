// A rule that says connect=off for a destination leaves it alone, whatever the shorthand says.
// Source: SEMANTICS "Policy text": the first matching rule that names a class decides.
//
// env: NETDEADLINE_CONNECT=100ms NETDEADLINE_RULES="to 127.0.0.0/8 connect=off"
// env: NETDEADLINE_CONNECT=off
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    int fd = nb_connecting(&hole.at);
    struct nb_waiter waiter = nb_waiter(NB_EPOLL_WAIT, fd, POLLOUT);
    CHECK_QUIET(&waiter, 400);
    CHECK_EQ(nd_tcp_state(fd), TCP_SYN_SENT);
    CHECK_NO_RECORDS();
    return 0;
}
