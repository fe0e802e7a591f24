// A read with no answer ends with ETIMEDOUT at the deadline, and leaves a record that says why.
// Source: SEMANTICS "Classes", read; "Errno", policy; "Evidence".
//
// env: NETDEADLINE_READ=300ms
// env: NETDEADLINE_RULES="to 127.0.0.0/8 read=300ms"
#include "nd_test.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    char byte;
    int64_t start = nd_now();
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_ENDED_AT(start, 300 * MS);
    CHECK_RECORDS("read", 1);
    CHECK_RECORD("read", "operation", "read");
    CHECK_RECORD("read", "deadline_ms", "300.000");
    CHECK_RECORD("read", "source", getenv("NETDEADLINE_READ") ? "NETDEADLINE_READ" : "NETDEADLINE_RULES:1");
    return 0;
}
