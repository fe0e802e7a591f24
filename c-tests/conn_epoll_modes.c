// An expired connect in a set that is level-triggered, edge-triggered and one-shot: the event comes at the deadline in each,
// and after a one-shot event there is none until the program re-arms.
// Source: SEMANTICS "Non-blocking sockets" 4; TRAPS: EPOLLET or EPOLLONESHOT lost after MOD.
//
// env: NETDEADLINE_CONNECT=200ms
#include "nb_wait.h"

int main(void) {
    static const uint32_t modes[] = {0, EPOLLET, EPOLLONESHOT, EPOLLET | EPOLLONESHOT};
    struct nd_hole hole = nd_black_hole();
    for (int i = 0; i < 4; i++) {
        fprintf(stderr, "mode: 0x%x\n", modes[i]);
        int set = nb_set();
        int64_t start = nd_now();
        int fd = nb_connecting(&hole.at);
        nb_add(set, fd, EPOLLIN | EPOLLOUT | modes[i]);
        int bits = nb_one(set, 5000, NULL);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_EQ(bits & ~EPOLLIN, EPOLLOUT | EPOLLERR | EPOLLHUP);
        if (modes[i] & EPOLLONESHOT) {
            CHECK_EQ(nb_one(set, 150, NULL), 0);
            nb_mod(set, fd, EPOLLOUT | modes[i]);
            // A socket that is not connected says OUT|HUP, natively too.
            CHECK_EQ(nb_one(set, 3000, NULL) & (EPOLLOUT | EPOLLHUP), EPOLLOUT | EPOLLHUP);
            CHECK_EQ(nb_one(set, 150, NULL), 0);
        }
        CHECK_EQ(nb_so_error(fd), ETIMEDOUT);
        close(set);
        close(fd);
    }
    return 0;
}
