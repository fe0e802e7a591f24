// With TCP_FASTOPEN_CONNECT connect() answers 0 at once, even to a dead host. The clock runs on into the first write and
// the wait for its answer.
// Source: SEMANTICS "Classes", connect. (TCP_FASTOPEN_NO_COOKIE makes the kernel do it without an earlier visit: tcp(7).)
//
// env: NETDEADLINE_CONNECT=250ms
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    int on = 1;
    char byte;
    for (int asks = 0; asks < 2; asks++) {
        int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on) < 0 ||
            setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &on, sizeof on) < 0)
            SKIP("no TCP Fast Open here");
        int64_t start = nd_now();
        CHECK_EQ(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), 0);
        nd_sleep(100 * MS);
        CHECK_EQ(write(fd, "x", 1), 1);
        CHECK_EQ(nd_tcp_state(fd), TCP_SYN_SENT);
        struct nb_waiter waiter = nb_waiter(asks ? NB_EPOLL_WAIT : NB_POLL, fd, POLLIN);
        int bits = nb_wait(&waiter, 5000);
        CHECK_ENDED_AT(start, 250 * MS);
        CHECK(bits & (POLLIN | POLLERR | POLLHUP));
        if (asks) CHECK_EQ(nb_so_error(fd), ETIMEDOUT);
        else CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
        CHECK_EQ(nd_tcp_state(fd), TCP_CLOSE);
        nb_done(&waiter);
        close(fd);
    }
    CHECK_RECORDS("connect", 2);
    return 0;
}
