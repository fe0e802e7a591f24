// The first byte of an answer ends the response clock: half an answer and then silence is not its business.
// Source: SEMANTICS "Classes", response; issue 2, half-answer server: there `read` is the tool.
//
// env: NETDEADLINE_RESPONSE=150ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        struct nd_later later;
        char bytes[8];
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_EQ(write(pair.client, "q", 1), 1);
        nd_send_later(&later, pair.peer, 60 * MS, "half", 4);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_EQ(read(pair.client, bytes, sizeof bytes), 4);
        CHECK_QUIET(&waiter, 250);
        nd_later_join(&later);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    CHECK_NO_RECORDS();
    return 0;
}
