// An edge-triggered program reads until EAGAIN; that arms the deadline, also where the registration was made long before and
// where it had data in between.
// Source: SEMANTICS "Non-blocking sockets" 1.
//
// env: NETDEADLINE_READ=250ms
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set();
    char byte;
    nb_add(set, pair.client, EPOLLIN | EPOLLET);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(nb_one(set, 100, NULL), 0);
        nb_send_now(pair.peer, pair.client);
        CHECK_EQ(nb_one(set, 3000, NULL), EPOLLIN);
        CHECK_EQ(read(pair.client, &byte, 1), 1);
        CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
    }
    int64_t start = nd_now();
    CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
    CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
    // The clock runs from the last byte, which came a moment before.
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_RECORDS("read", 1);
    return 0;
}
