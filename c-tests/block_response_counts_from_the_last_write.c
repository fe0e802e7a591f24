// The response clock runs from the last write, not from the moment the program comes to read, and not from the first write.
// Source: SEMANTICS "Classes", response.
//
// env: NETDEADLINE_RESPONSE=3s
#include "nd_test.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    char byte;
    CHECK_EQ(write(pair.client, "a", 1), 1);
    nd_sleep(500 * MS);
    int64_t last = nd_now();
    CHECK_EQ(write(pair.client, "b", 1), 1);
    nd_sleep(2500 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    int64_t took = nd_now() - last;
    if (took < 3 * SEC) FAIL("early: %.3f s after the last write", (double)took / 1e9);
    // From the read it would be 5.5 s.
    if (took > 5 * SEC) FAIL("late: %.3f s after the last write", (double)took / 1e9);
    CHECK_RECORDS("response", 1);
    CHECK_RECORD("response", "bytes_out", "2");
    CHECK_RECORD("response", "bytes_in", "0");
    return 0;
}
