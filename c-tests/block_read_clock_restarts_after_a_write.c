// A successful write gives the answer the whole read timeout, whatever was waited for before it.
// Source: SEMANTICS "Classes", read: restarts on every successful write.
//
// env: NETDEADLINE_READ=1s
#include "nd_test.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    struct pollfd entry = {.fd = pair.client, .events = POLLIN};
    char byte;
    CHECK_EQ(poll(&entry, 1, 700), 0);
    CHECK_EQ(write(pair.client, "q", 1), 1);
    int64_t start = nd_now();
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_ENDED_AT(start, 1 * SEC);
    CHECK_RECORDS("read", 1);
    return 0;
}
