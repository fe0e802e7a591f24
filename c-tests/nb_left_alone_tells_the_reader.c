// A program that was told and looks only much later (it ignored the event, then reads) still learns of the expiry, once.
// Source: SEMANTICS "Non-blocking sockets" 6: the next matching call answers ETIMEDOUT at once.
//
// env: NETDEADLINE_READ=150ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        char byte;
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        nd_sleep(300 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
