// A refused connect is what it always was: OUT|ERR|HUP at once, ECONNREFUSED once, no record. It is also the shape that an
// expired one imitates.
// Source: connect(2), EINPROGRESS; SEMANTICS "Non-blocking sockets" 4.
//
// native: yes
// env: none
// env: NETDEADLINE_CONNECT=1h
#include "nb_wait.h"

int main(void) {
    struct sockaddr_in at;
    int listener = nd_listener(1, &at);
    close(listener);
    NB_EACH_WAY(way) {
        int64_t start = nd_now();
        int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        CHECK_ERRNO(connect(fd, (struct sockaddr *)&at, sizeof at), EINPROGRESS);
        struct nb_waiter waiter = nb_waiter(way, fd, POLLOUT);
        CHECK_EQ(nb_wait(&waiter, 5000), nb_is_select(way) ? POLLOUT : POLLOUT | POLLERR | POLLHUP);
        CHECK_AT_ONCE(start, 2 * SEC);
        CHECK_EQ(nb_so_error(fd), ECONNREFUSED);
        CHECK_EQ(nb_so_error(fd), 0);
        nb_done(&waiter);
        close(fd);
    }
    CHECK_NO_RECORDS();
    return 0;
}
