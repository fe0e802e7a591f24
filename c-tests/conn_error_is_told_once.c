// The error of an expired connect is told once, to whichever asks first: getsockopt(SO_ERROR), a second connect() (hiredis
// asks this way), read or write. After that SO_ERROR is 0, as after any error that was fetched.
// Source: SEMANTICS "Non-blocking sockets" 7.
//
// env: NETDEADLINE_CONNECT=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    char byte = 'x';
    for (int first = 0; first < 6; first++) {
        fprintf(stderr, "asked first: %d\n", first);
        int fd = nb_connecting(&hole.at);
        struct nb_waiter waiter = nb_waiter(NB_POLL, fd, POLLOUT);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT | POLLERR | POLLHUP);
        if (first == 0) CHECK_EQ(nb_so_error(fd), ETIMEDOUT);
        if (first == 1) CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), ETIMEDOUT);
        if (first == 2) CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
        if (first == 3) CHECK_ERRNO(write(fd, &byte, 1), ETIMEDOUT);
        if (first == 4) CHECK_ERRNO(recv(fd, &byte, 1, MSG_PEEK), ETIMEDOUT);
        if (first == 5) CHECK_ERRNO(send(fd, &byte, 1, MSG_NOSIGNAL), ETIMEDOUT);
        CHECK_EQ(nb_so_error(fd), 0);
        close(fd);
    }
    return 0;
}
