// A program that comes back after the deadline to a connect that the kernel has finished finds it connected: it was slow,
// not the peer. The same for a program that never waited and just uses the socket.
// Source: SEMANTICS "Non-blocking sockets" 5.
//
// native: yes
// env: NETDEADLINE_CONNECT=150ms
#include "nb_wait.h"

int main(void) {
    struct sockaddr_in at;
    int listener = nd_listener(16, &at);
    int waited = nb_connecting(&at), asked = nb_connecting(&at), used = nb_connecting(&at), again = nb_connecting(&at);
    nd_sleep(400 * MS);
    struct nb_waiter waiter = nb_waiter(NB_EPOLL_WAIT, waited, POLLOUT);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT);
    CHECK_EQ(nb_so_error(waited), 0);
    CHECK_EQ(nb_so_error(asked), 0);
    CHECK_EQ(write(used, "x", 1), 1);
    CHECK_EQ(connect(again, (struct sockaddr *)&at, sizeof at), 0);
    for (int fd = waited; fd <= again; fd++) CHECK_EQ(nd_tcp_state(fd), TCP_ESTABLISHED);
    CHECK_NO_RECORDS();
    close(listener);
    return 0;
}
