// A program that never waits but reads again and again gets EAGAIN and then, at the deadline, ETIMEDOUT, once.
// Source: SEMANTICS "Non-blocking sockets" 1: armed by EAGAIN.
//
// env: NETDEADLINE_READ=200ms
// env: RCVTIMEO=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    if (getenv("RCVTIMEO")) nd_set_timeout(pair.client, SO_RCVTIMEO, nd_env_ns("RCVTIMEO"));
    char byte;
    int tries = 0;
    int64_t start = nd_now();
    for (;;) {
        errno = 0;
        CHECK_EQ(read(pair.client, &byte, 1), -1);
        if (errno != EAGAIN) break;
        tries++;
        CHECK(nd_now() < start + 4 * SEC);
        nd_sleep(10 * MS);
    }
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK(tries > 0);
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
    return 0;
}
