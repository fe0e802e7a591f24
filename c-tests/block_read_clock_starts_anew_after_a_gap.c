// Between two waits the program was busy with something else for longer than max(100 ms, D/10): the second wait has the
// whole timeout, an abandoned poll leaves no stale instant behind.
// Source: SEMANTICS "Classes", read, restarts.
//
// env: NETDEADLINE_READ=1s
#include "nd_test.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    struct pollfd entry = {.fd = pair.client, .events = POLLIN};
    char byte;
    CHECK_EQ(poll(&entry, 1, 600), 0);
    nd_sleep(250 * MS);
    int64_t start = nd_now();
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_ENDED_AT(start, 1 * SEC);
    return 0;
}
