// A socket whose connect has expired can be used for another attempt, which has a deadline of its own, and may succeed.
// Source: SEMANTICS "Classes": per attempt.
//
// env: NETDEADLINE_CONNECT=250ms
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    int fd = nb_connecting(&hole.at);
    struct nb_waiter waiter = nb_waiter(NB_POLL, fd, POLLOUT);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT | POLLERR | POLLHUP);
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), ETIMEDOUT);
    int64_t start = nd_now();
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), EINPROGRESS);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT | POLLERR | POLLHUP);
    CHECK_ENDED_AT(start, 250 * MS);
    CHECK_EQ(nb_so_error(fd), ETIMEDOUT);
    nd_open_hole(&hole);
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), EINPROGRESS);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT);
    CHECK_EQ(nb_so_error(fd), 0);
    CHECK_EQ(nd_tcp_state(fd), TCP_ESTABLISHED);
    CHECK_RECORDS("connect", 2);
    return 0;
}
