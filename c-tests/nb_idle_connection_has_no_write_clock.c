// A connection whose bytes are all acknowledged is idle: the write deadline does not run, whatever the program waits for.
// Source: SEMANTICS "Classes", write.
//
// env: NETDEADLINE_WRITE=120ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        CHECK_EQ(write(pair.client, "q", 1), 1);
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_QUIET(&waiter, 300);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    CHECK_NO_RECORDS();
    return 0;
}
