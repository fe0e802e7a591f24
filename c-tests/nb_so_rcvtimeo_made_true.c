// SO_RCVTIMEO that the program itself set on a non-blocking socket holds in each of the seven waits: IN at the deadline,
// then ETIMEDOUT once.
// Source: SEMANTICS "Sources" 2; FACTS: the kernel ignores it there. Needs no variable.
//
// env: none
// needs: musl
#include "nb_wait.h"

int main(void) {
    char byte;
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        nd_set_timeout(pair.client, SO_RCVTIMEO, 200 * MS);
        int64_t start = nd_now();
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    CHECK_RECORD("so_rcvtimeo", "source", "SO_RCVTIMEO");
    return 0;
}
