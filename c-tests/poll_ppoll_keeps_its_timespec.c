// ppoll's timeout is not changed, neither by an expiry nor by an end; nanoseconds are not rounded down to an early end.
// Source: ppoll(2), glibc's function against the raw system call.
//
// native: yes
// env: NETDEADLINE_READ=100ms
// env: none
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    struct pollfd entry = {.fd = pair.client, .events = POLLIN};
    struct timespec at = {.tv_sec = 0, .tv_nsec = 250000000};
    ppoll(&entry, 1, &at, NULL);
    CHECK_EQ(at.tv_sec, 0);
    CHECK_EQ(at.tv_nsec, 250000000);
    struct pollfd other = {.fd = MUST(dup(pair.peer)), .events = POLLIN};
    at.tv_nsec = 1700000;
    int64_t start = nd_now();
    CHECK_EQ(ppoll(&other, 1, &at, NULL), 0);
    CHECK_ENDED_AT(start, 1700 * 1000);
    CHECK_EQ(at.tv_nsec, 1700000);
    return 0;
}
