// A peer that drips one byte now and then holds a connection only until its lifetime ends; from then on everything on it
// fails at once, data or not.
// Source: SEMANTICS "Classes", lifetime; "Non-blocking sockets", 6; FACTS (drip).
//
// env: NETDEADLINE_LIFETIME=1s NETDEADLINE_READ=500ms
#include "nd_test.h"

int main(void) {
    int64_t start = nd_now();
    struct nd_pair pair = nd_tcp_pair();
    struct nd_later drip;
    char byte;
    int got = 0;
    ssize_t n;
    nd_drip(&drip, pair.peer, 100 * MS, 40);
    errno = 0;
    while ((n = read(pair.client, &byte, 1)) == 1) got++;
    CHECK_EQ(n, -1);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_ENDED_AT(start, 1 * SEC);
    CHECK(got >= 3 && got < 40);
    CHECK_RECORDS("lifetime", 1);
    nd_sleep(300 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_ERRNO(recv(pair.client, &byte, 1, MSG_DONTWAIT), ETIMEDOUT);
    CHECK_ERRNO(write(pair.client, "x", 1), ETIMEDOUT);
    CHECK_EQ(close(pair.client), 0);
    nd_later_join(&drip);
    return 0;
}
