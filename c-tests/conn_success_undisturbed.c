// A connect that succeeds is never disturbed: OUT alone, SO_ERROR 0, and no event when its deadline passes later.
// Source: SEMANTICS "Classes", connect ends at success.
//
// native: yes
// env: NETDEADLINE_CONNECT=150ms
// env: NETDEADLINE_CONNECT=1h NETDEADLINE_READ=1h NETDEADLINE_WRITE=1h NETDEADLINE_RESPONSE=1h NETDEADLINE_LIFETIME=1h
#include "nb_wait.h"

int main(void) {
    struct sockaddr_in at;
    int listener = nd_listener(16, &at);
    NB_EACH_WAY(way) {
        int fd = nb_connecting(&at);
        struct nb_waiter waiter = nb_waiter(way, fd, POLLOUT);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT);
        CHECK_EQ(nb_so_error(fd), 0);
        nb_done(&waiter);
        waiter = nb_waiter(way, fd, POLLIN);
        CHECK_QUIET(&waiter, 250);
        nb_done(&waiter);
        waiter = nb_waiter(way, fd, POLLOUT);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT);
        CHECK_EQ(write(fd, "x", 1), 1);
        // The first connect() after the establishment says 0, later ones EISCONN.
        CHECK_EQ(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
        CHECK_ERRNO(connect(fd, (struct sockaddr *)&at, sizeof at), EISCONN);
        nb_done(&waiter);
        close(fd);
        nd_raw_close(nd_raw_accept(listener));
    }
    CHECK_NO_RECORDS();
    return 0;
}
