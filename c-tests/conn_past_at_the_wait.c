// A wait that begins after the deadline of a connect that is still pending ends at once, in every way.
// Source: SEMANTICS "Classes": the clock runs from connect().
//
// env: NETDEADLINE_CONNECT=100ms
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    NB_EACH_WAY(way) {
        int fd = nb_connecting(&hole.at);
        nd_sleep(150 * MS);
        int64_t start = nd_now();
        struct nb_waiter waiter = nb_waiter(way, fd, POLLOUT);
        CHECK_EQ(nb_wait(&waiter, 5000), nb_is_select(way) ? POLLOUT : POLLOUT | POLLERR | POLLHUP);
        CHECK_AT_ONCE(start, 2 * SEC);
        CHECK_EQ(nb_so_error(fd), ETIMEDOUT);
        nb_done(&waiter);
        close(fd);
    }
    return 0;
}
