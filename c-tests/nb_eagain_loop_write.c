// A program that never waits but writes again and again gets EAGAIN and then, at the deadline, ETIMEDOUT, once.
// Source: SEMANTICS "Non-blocking sockets" 1: armed by EAGAIN.
//
// env: NETDEADLINE_WRITE=200ms
// env: SNDTIMEO=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_full_pair();
    if (getenv("SNDTIMEO")) nd_set_timeout(pair.client, SO_SNDTIMEO, nd_env_ns("SNDTIMEO"));
    int tries = 0;
    int64_t start = nd_now();
    for (;;) {
        errno = 0;
        CHECK_EQ(write(pair.client, "x", 1), -1);
        if (errno != EAGAIN) break;
        tries++;
        CHECK(nd_now() < start + 4 * SEC);
        nd_sleep(10 * MS);
    }
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK(tries > 0);
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_ERRNO(write(pair.client, "x", 1), EAGAIN);
    return 0;
}
