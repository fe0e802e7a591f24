// Whichever way a socket became non-blocking, its SO_RCVTIMEO is made true: by fcntl, by ioctl(FIONBIO), by a fcntl that
// nobody could see (another process shares the description). Blocking again, it is left to the kernel.
// Source: SEMANTICS "Blocking calls": O_NONBLOCK is looked at afresh, never cached; TRAPS: FIONBIO.
//
// env: none
#include "nb_wait.h"

int main(void) {
    char byte;
    for (int kind = 0; kind < 3; kind++) {
        fprintf(stderr, "kind: %d\n", kind);
        struct nd_pair pair = nd_tcp_pair();
        int on = 1, fd = pair.client;
        nd_set_timeout(fd, SO_RCVTIMEO, 150 * MS);
        if (kind == 0) MUST(fcntl(fd, F_SETFL, O_NONBLOCK));
        if (kind == 1) MUST(ioctl(fd, FIONBIO, &on));
        if (kind == 2) MUST(-nd_raw(SYS_fcntl, fd, F_SETFL, O_RDWR | O_NONBLOCK, 0, 0, 0));
        int64_t start = nd_now();
        struct nb_waiter waiter = nb_waiter(NB_POLL, fd, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ENDED_AT(start, 150 * MS);
        CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
        on = 0;
        MUST(ioctl(fd, FIONBIO, &on));
        CHECK_QUIET(&waiter, 250);
        CHECK_ERRNO(read(fd, &byte, 1), EAGAIN);
        nd_pair_close(&pair);
    }
    return 0;
}
