// An explicit deadline bounds waits on a socket that blocks, too, and a call that is asked not to wait (MSG_DONTWAIT) answers
// EAGAIN before it and ETIMEDOUT after it.
// Source: SEMANTICS "Sources of a deadline" 1 (every operation).
//
// api: yes
#include "apin_wait.h"

int main(void) {
    APIN_EACH_KIND(kind) APIN_EACH_WAY(way) {
        struct nd_pair pair = api_pair(kind);
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        int64_t start = nd_now();
        char byte;
        CHECK_EQ(nd_set_read_deadline(pair.client, start + 60 * SEC), 0);
        CHECK_ERRNO(io_recv(pair.client, &byte, 1, MSG_DONTWAIT), EAGAIN);
        CHECK_EQ(nd_set_read_deadline(pair.client, start + 10 * MS), 0);
        CHECK_EQ(nb_wait(&waiter, -1), POLLIN);
        CHECK_ENDED_AT(start, 10 * MS);
        CHECK_ERRNO(io_recv(pair.client, &byte, 1, MSG_DONTWAIT), ETIMEDOUT);
        CHECK_ERRNO(io_recv(pair.client, &byte, 1, 0), ETIMEDOUT);
        CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        api_close(&pair);
    }
    return 0;
}
