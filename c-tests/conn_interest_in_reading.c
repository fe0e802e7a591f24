// A program that waits for a pending connect by asking for IN alone is woken at the deadline too, with ERR and HUP.
// Natively a failed connect says IN|ERR|HUP then; a wait for nothing but ERR (events 0) is not more than the kernel gives.
// Source: SEMANTICS "Non-blocking sockets" 4.
//
// env: NETDEADLINE_CONNECT=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    NB_EACH_WAY(way) {
        int64_t start = nd_now();
        int fd = nb_connecting(&hole.at);
        struct nb_waiter waiter = nb_waiter(way, fd, POLLIN);
        int bits = nb_wait(&waiter, 5000);
        CHECK_ENDED_AT(start, 200 * MS);
        if (nb_is_select(way)) CHECK_EQ(bits, POLLIN);
        else CHECK_EQ(bits & ~POLLIN, POLLERR | POLLHUP);
        CHECK_EQ(nb_so_error(fd), ETIMEDOUT);
        nb_done(&waiter);
        close(fd);
    }
    return 0;
}
