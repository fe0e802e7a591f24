// SO_SNDTIMEO, which the kernel ignores on a non-blocking connect, bounds it: SO_ERROR = ETIMEDOUT.
// Source: SEMANTICS "Sources" 2 and "Errno", SO_*TIMEO non-blocking. No variable is set: this source needs none.
//
// env: none
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    NB_EACH_WAY(way) {
        int64_t start = nd_now();
        int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        nd_set_timeout(fd, SO_SNDTIMEO, 200 * MS);
        CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), EINPROGRESS);
        struct nb_waiter waiter = nb_waiter(way, fd, POLLOUT);
        CHECK_EQ(nb_wait(&waiter, 5000), nb_is_select(way) ? POLLOUT : POLLOUT | POLLERR | POLLHUP);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_EQ(nb_so_error(fd), ETIMEDOUT);
        CHECK_EQ(nd_kernel_timeout_ms(fd, SO_SNDTIMEO) / 10, 20);
        nb_done(&waiter);
        close(fd);
    }
    return 0;
}
