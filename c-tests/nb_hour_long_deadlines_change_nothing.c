// With deadlines of an hour an ordinary exchange is the same in every wait as without: request, answer, idle, end.
// Source: issue 2 "Transparency".
//
// native: yes
// env: NETDEADLINE_CONNECT=1h NETDEADLINE_READ=1h NETDEADLINE_WRITE=1h NETDEADLINE_RESPONSE=1h NETDEADLINE_LIFETIME=1h
// env: none
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct sockaddr_in at;
        int listener = nd_listener(4, &at), fd = nb_connecting(&at);
        struct nd_later later;
        char bytes[8];
        struct nb_waiter out = nb_waiter(way, fd, POLLOUT), in = nb_waiter(way, fd, POLLIN);
        CHECK_EQ(nb_wait(&out, 3000), POLLOUT);
        CHECK_EQ(nb_so_error(fd), 0);
        int peer = nd_raw_accept(listener);
        CHECK_EQ(write(fd, "question", 8), 8);
        CHECK_ERRNO(read(fd, bytes, 8), EAGAIN);
        nd_send_later(&later, peer, 80 * MS, "answer", 6);
        CHECK_EQ(nb_wait(&in, 3000), POLLIN);
        CHECK_EQ(read(fd, bytes, 8), 6);
        CHECK_QUIET(&in, 60);
        nd_raw(SYS_shutdown, peer, SHUT_WR, 0, 0, 0, 0);
        CHECK_EQ(nb_wait(&in, 3000), POLLIN);
        CHECK_EQ(read(fd, bytes, 8), 0);
        nd_later_join(&later);
        nb_done(&in);
        nb_done(&out);
        close(fd);
        close(listener);
        nd_raw_close(peer);
    }
    CHECK_NO_RECORDS();
    return 0;
}
