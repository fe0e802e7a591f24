// sendto(MSG_FASTOPEN) is a connect: with and without a cookie, a dead host ends it at the connect deadline.
// Source: SEMANTICS "Classes", connect; FACTS: EINPROGRESS from a send comes only with TCP Fast Open.
//
// env: NETDEADLINE_CONNECT=250ms
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    int on = 1;
    for (int cookie = 0; cookie < 2; cookie++) {
        fprintf(stderr, "without a cookie's round: %d\n", cookie);
        int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (cookie && setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &on, sizeof on) < 0)
            SKIP("no TCP Fast Open here");
        int64_t start = nd_now();
        ssize_t sent = sendto(fd, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&hole.at, sizeof hole.at);
        if (sent < 0 && errno == EOPNOTSUPP) SKIP("no TCP Fast Open here");
        if (cookie) CHECK_EQ(sent, 1);
        else CHECK(sent < 0 && errno == EINPROGRESS);
        CHECK_EQ(nd_tcp_state(fd), TCP_SYN_SENT);
        struct nb_waiter waiter = nb_waiter(NB_EPOLL_WAIT, fd, POLLOUT);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT | POLLERR | POLLHUP);
        CHECK_ENDED_AT(start, 250 * MS);
        CHECK_EQ(nb_so_error(fd), ETIMEDOUT);
        CHECK_EQ(nd_tcp_state(fd), TCP_CLOSE);
        nb_done(&waiter);
        close(fd);
    }
    CHECK_RECORDS("connect", 2);
    return 0;
}
