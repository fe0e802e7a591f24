// TCP_FASTOPEN_CONNECT to a host that answers: the connect clock ends when the connection is established, and the answer
// may take longer.
// Source: SEMANTICS "Classes", connect ends at success.
//
// native: yes
// env: NETDEADLINE_CONNECT=150ms
#include "nb_wait.h"

int main(void) {
    struct sockaddr_in at;
    int listener = nd_listener(16, &at), on = 1;
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &on, sizeof on) < 0)
        SKIP("no TCP Fast Open here");
    CHECK_EQ(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_EQ(write(fd, "x", 1), 1);
    int peer = nd_raw_accept(listener);
    struct nd_later later;
    char byte = 0;
    nd_send_later(&later, peer, 400 * MS, "y", 1);
    struct nb_waiter waiter = nb_waiter(NB_EPOLL_WAIT, fd, POLLIN);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
    CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(byte, 'y');
    nd_later_join(&later);
    CHECK_NO_RECORDS();
    return 0;
}
