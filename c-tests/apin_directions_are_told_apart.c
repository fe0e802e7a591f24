// Read and write deadlines are independent in event masks: a passed read deadline is told as IN alone, a passed write deadline as
// OUT alone, nothing to who asked for the other or for nothing, and calls in the other direction work.
// Source: FACTS "Go's deadline contract": read and write independent; SEMANTICS "Non-blocking sockets" 4.
//
// api: yes
#include "apin_wait.h"

static int wait_for(enum nb_way way, int fd, short events, int timeout) {
    struct nb_waiter waiter = nb_waiter(way, fd, events);
    int bits = nb_wait(&waiter, timeout);
    nb_done(&waiter);
    return bits;
}

int main(void) {
    struct nd_pair tcp = nd_zero_window();
    nd_nonblocking(tcp.client);
    APIN_EACH_WAY(way) {
        struct nd_pair local = apin_full_pair(API_UNIX);
        char byte;
        int full[] = {local.client, tcp.client};
        for (int i = 0; i < 2; i++) {
            int fd = full[i];
            // Neither direction has anything to report by itself.
            CHECK_EQ(wait_for(way, fd, POLLIN | POLLOUT, 0), 0);
            CHECK_EQ(nd_set_read_deadline(fd, nd_now() + 10 * MS), 0);
            CHECK_EQ(nd_set_write_deadline(fd, nd_now() + 60 * SEC), 0);
            CHECK_EQ(wait_for(way, fd, POLLIN | POLLOUT, 5000), POLLIN);
            CHECK_EQ(wait_for(way, fd, POLLOUT, 10), 0);
            if (!nb_is_select(way)) CHECK_EQ(wait_for(way, fd, 0, 10), 0);
            CHECK_ERRNO(io_write(fd, "x", 1), EAGAIN);
            CHECK_ERRNO(io_read(fd, &byte, 1), ETIMEDOUT);

            CHECK_EQ(nd_set_read_deadline(fd, nd_now() + 60 * SEC), 0);
            CHECK_EQ(nd_set_write_deadline(fd, nd_now() + 10 * MS), 0);
            CHECK_EQ(wait_for(way, fd, POLLIN | POLLOUT, 5000), POLLOUT);
            CHECK_EQ(wait_for(way, fd, POLLIN, 10), 0);
            CHECK_ERRNO(io_read(fd, &byte, 1), EAGAIN);
            CHECK_ERRNO(io_write(fd, "x", 1), ETIMEDOUT);

            CHECK_EQ(nd_set_read_deadline(fd, 1), 0);
            CHECK_EQ(wait_for(way, fd, POLLIN | POLLOUT, 5000), POLLIN | POLLOUT);
            CHECK_EQ(nd_set_deadline(fd, 0), 0);
            CHECK_EQ(wait_for(way, fd, POLLIN | POLLOUT, 10), 0);
        }
        // Data and room that are really there, beside the other direction's deadline.
        struct nd_pair pair = apin_pair(API_TCP);
        apin_arrive(&pair, "a", 1);
        CHECK_EQ(nd_set_write_deadline(pair.client, 1), 0);
        CHECK_EQ(wait_for(way, pair.client, POLLIN | POLLOUT, 5000), POLLIN | POLLOUT);
        apin_read_all(pair.client, "a", 1);
        CHECK_EQ(nd_set_write_deadline(pair.client, 0), 0);
        CHECK_EQ(nd_set_read_deadline(pair.client, 1), 0);
        CHECK_EQ(io_write(pair.client, "b", 1), 1);
        api_close(&pair);
        api_close(&local);
    }
    api_close(&tcp);
    return 0;
}
