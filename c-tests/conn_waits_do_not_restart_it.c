// The connect clock never restarts: not with a new wait, not after a long gap between two waits.
// Source: SEMANTICS "Classes", connect: restarts never.
//
// env: NETDEADLINE_CONNECT=600ms
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    int64_t start = nd_now();
    int fd = nb_connecting(&hole.at), waits = 0, bits;
    struct nb_waiter waiter = nb_waiter(NB_POLL, fd, POLLOUT);
    while ((bits = nb_wait(&waiter, 20)) == 0) {
        waits++;
        // Were the clock to restart with each wait, this would go on without end.
        CHECK(nd_now() < start + 4 * SEC);
        nd_sleep(130 * MS);
    }
    CHECK_EQ(bits, POLLOUT | POLLERR | POLLHUP);
    CHECK(waits > 0);
    CHECK_ENDED_AT(start, 600 * MS);
    return 0;
}
