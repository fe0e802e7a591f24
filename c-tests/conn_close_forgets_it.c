// Closing a socket ends its connect deadline: the next socket on the same number, in the same set, is not told.
// Source: SEMANTICS "Classes", connect ends at close; "fds and processes": generations against fd reuse.
//
// env: NETDEADLINE_CONNECT=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    struct nd_pair pair = nb_pair();
    int set = nb_set();
    int fd = nb_connecting(&hole.at);
    nb_add(set, fd, EPOLLIN | EPOLLOUT);
    nd_sleep(50 * MS);
    MUST(close(fd));
    CHECK_EQ(fcntl(pair.client, F_DUPFD_CLOEXEC, fd), fd);
    nb_add(set, fd, EPOLLIN);
    CHECK_EQ(nb_one(set, 400, NULL), 0);
    CHECK_EQ(nb_so_error(fd), 0);
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK_NO_RECORDS();
    return 0;
}
