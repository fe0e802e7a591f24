// A program that polls in short slices waits for the peer all the same: the read clock runs on from one slice to the next,
// the poll that reaches the deadline reports the fd ready, and the read gets ETIMEDOUT at once.
// Source: SEMANTICS "Classes", read ("asks poll for IN"); "Non-blocking sockets", 6.
//
// env: NETDEADLINE_READ=1s
#include "nd_test.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    struct pollfd entry = {.fd = pair.client, .events = POLLIN};
    char byte;
    int64_t start = nd_now();
    int ready = 0;
    for (int slice = 0; slice < 50 && !ready; slice++) ready = poll(&entry, 1, 90);
    CHECK_EQ(ready, 1);
    CHECK_EQ(entry.revents & POLLIN, POLLIN);
    CHECK_ENDED_AT(start, 1 * SEC);
    start = nd_now();
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_AT_ONCE(start, 500 * MS);
    CHECK_RECORDS("read", 1);
    return 0;
}
