// A program that closes every number it does not know (close_range, closefrom, a loop of close) while a deadline is armed loses
// none: the next wait holds it.
// Source: SEMANTICS "Non-blocking sockets" 2: a timerfd alone is lost to close_range; TRAPS: close_range used by openssh.
//
// env: NETDEADLINE_READ=300ms
#include "nb_wait.h"
#include <linux/close_range.h>

int main(void) {
    for (int how = 0; how < 4; how++) {
        fprintf(stderr, "how: %d\n", how);
        struct nd_pair pair = nb_pair();
        int set = nb_set();
        char byte;
        int64_t start = nd_now();
        nb_add(set, pair.client, EPOLLIN);
        CHECK_EQ(nb_one(set, 20, NULL), 0);
        unsigned from = (unsigned)(set > pair.peer ? set : pair.peer) + 1;
        if (how == 0) CHECK_EQ(close_range(from, ~0U, 0), 0);
        if (how == 1) closefrom((int)from);
        if (how == 2) {
            for (int fd = (int)from; fd < 70000; fd++) CHECK_ERRNO(close(fd), EBADF);
        }
        if (how == 3) CHECK_EQ(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC), 0);
        CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
        CHECK_ENDED_AT(start, 300 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        start = nd_now();
        CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
        CHECK_ENDED_AT(start, 300 * MS);
        // Everything goes; what comes on the same numbers is new and has deadlines of its own.
        CHECK_EQ(close_range(3, ~0U, 0), 0);
    }
    return 0;
}
