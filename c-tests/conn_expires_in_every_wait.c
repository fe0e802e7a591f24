// A non-blocking connect that nobody answers ends at its deadline in each of the seven waits, in the shape of a failed
// connect (OUT|ERR|HUP, never a bare ERR), with SO_ERROR = ETIMEDOUT once, and leaves one record.
// Source: SEMANTICS "Non-blocking sockets" 4 and 7; TRAPS: libpq waits in poll with its own non-blocking socket.
//
// env: NETDEADLINE_CONNECT=200ms
// needs: musl
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    int ended = 0;
    NB_EACH_WAY(way) {
        int64_t start = nd_now();
        int fd = nb_connecting(&hole.at);
        struct nb_waiter waiter = nb_waiter(way, fd, POLLOUT);
        CHECK_EQ(nb_wait(&waiter, 5000), nb_is_select(way) ? POLLOUT : POLLOUT | POLLERR | POLLHUP);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_EQ(nb_so_error(fd), ETIMEDOUT);
        CHECK_EQ(nb_so_error(fd), 0);
        CHECK_RECORDS("connect", ++ended);
        CHECK_RECORD("connect", "operation", nb_names[way]);
        CHECK_RECORD("connect", "deadline_ms", "200.000");
        CHECK_RECORD("connect", "source", "NETDEADLINE_CONNECT");
        nb_done(&waiter);
        close(fd);
    }
    return 0;
}
