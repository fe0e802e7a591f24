// A non-blocking connect that nobody answers ends at the write deadline in each of the seven waits as a failed connect does
// (OUT|ERR|HUP), with ETIMEDOUT once in SO_ERROR; the attempt is aborted in the kernel. The deadline may be set before the connect,
// while it is under way, and while another thread waits for it.
// Source: SEMANTICS "Non-blocking sockets" 4, 7; "Errno", connect.
//
// api: yes
#include "apin_wait.h"

enum order { BEFORE, UNDER_WAY, WAITED_FOR, ORDERS };

static int told(enum nb_way way) { return nb_is_select(way) ? POLLOUT : POLLOUT | POLLERR | POLLHUP; }

static void expire(const struct nd_hole *hole, enum nb_way way, enum order order) {
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    struct apin_sleeper sleeper;
    CHECK_EQ(nd_set_write_deadline(fd, order == BEFORE ? nd_now() + 60 * MS : 0), 0);
    CHECK_ERRNO(io_connect(fd, (const struct sockaddr *)&hole->at, sizeof hole->at), EINPROGRESS);
    int64_t when = nd_now() + 60 * MS;
    if (order != WAITED_FOR) CHECK_EQ(nd_set_write_deadline(fd, when), 0);
    apin_start(&sleeper, way, 1, fd, POLLOUT, 20000);
    if (order == WAITED_FOR) {
        apin_asleep(&sleeper, 1);
        when = nd_now() + 20 * MS;
        CHECK_EQ(nd_set_write_deadline(fd, when), 0);
    }
    apin_end(&sleeper);
    CHECK_WOKEN(&sleeper, told(way), when);
    apin_connect_timed_out(fd);
    io_close(fd);
}

int main(void) {
    struct nd_hole hole = nd_black_hole();
    for (enum order order = 0; order < ORDERS; order++) {
        APIN_EACH_WAY(way) expire(&hole, way, order);
    }
    // With room in the queue nobody comes: every attempt was ended. (A SYN is sent again after a second.)
    nd_open_hole(&hole);
    CHECK(!nd_somebody_connects(hole.listener, 1200 * MS));
    return 0;
}
