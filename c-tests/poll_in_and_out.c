// A program that asks for IN and OUT of a socket with room gets OUT at once, as ever, and IN too once the read deadline has
// passed: the kernel's readiness in one direction is no sign of life in the other.
// Source: SEMANTICS "Non-blocking sockets" 4 and 5.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        char byte;
        int bits;
        int64_t start = nd_now();
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN | POLLOUT);
        while ((bits = nb_wait(&waiter, 5000)) == POLLOUT) {
            CHECK(nd_now() < start + 4 * SEC);
            nd_sleep(5 * MS);
        }
        CHECK_EQ(bits, POLLIN | POLLOUT);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_EQ(write(pair.client, "x", 1), 1);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
