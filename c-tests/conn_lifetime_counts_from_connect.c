// A lifetime runs from connect(): it ends an attempt that is still pending, in the shape of a failed connect.
// Source: SEMANTICS "Classes", lifetime.
//
// env: NETDEADLINE_LIFETIME=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    int64_t start = nd_now();
    int fd = nb_connecting(&hole.at);
    struct nb_waiter waiter = nb_waiter(NB_EPOLL_WAIT, fd, POLLOUT);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT | POLLERR | POLLHUP);
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_EQ(nb_so_error(fd), ETIMEDOUT);
    CHECK_RECORDS("lifetime", 1);
    return 0;
}
