// A read timeout by SO_RCVTIMEO beside a longer keep-alive by poll is a common pair: on a blocking fd the option never
// shortens a poll.
// Source: SEMANTICS "Sources of a deadline" 2.
//
// native: yes
// env: none
// env: NETDEADLINE_READ=5s
#include "nd_test.h"
#include <sys/select.h>

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    struct pollfd entry = {.fd = pair.client, .events = POLLIN};
    nd_set_timeout(pair.client, SO_RCVTIMEO, 200 * MS);
    int64_t start = nd_now();
    CHECK_EQ(poll(&entry, 1, 700), 0);
    CHECK(nd_now() - start >= 700 * MS);
    fd_set readable;
    struct timeval wait = {.tv_usec = 700000};
    FD_ZERO(&readable);
    FD_SET(pair.client, &readable);
    start = nd_now();
    CHECK_EQ(select(pair.client + 1, &readable, NULL, NULL, &wait), 0);
    CHECK(nd_now() - start >= 699 * MS);
    CHECK_NO_RECORDS();
    return 0;
}
