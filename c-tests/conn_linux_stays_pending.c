// Linux's own: a non-blocking connect that nobody answers stays pending, whatever SO_SNDTIMEO says, in every wait.
// Source: FACTS "SO_*TIMEO on O_NONBLOCK, in poll/select/epoll: ignored". With NETDEADLINE_SO_TIMEO=kernel so it is here.
//
// native: yes
// env: NETDEADLINE_SO_TIMEO=kernel
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    NB_EACH_WAY(way) {
        int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        nd_set_timeout(fd, SO_SNDTIMEO, 100 * MS);
        CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), EINPROGRESS);
        struct nb_waiter waiter = nb_waiter(way, fd, POLLOUT);
        CHECK_QUIET(&waiter, 250);
        CHECK_EQ(nd_tcp_state(fd), TCP_SYN_SENT);
        nb_done(&waiter);
        close(fd);
    }
    return 0;
}
