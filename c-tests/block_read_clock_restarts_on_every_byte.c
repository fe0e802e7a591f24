// A peer that sends a byte before each deadline is never cut off, neither between calls nor within one MSG_WAITALL.
// Source: SEMANTICS "Classes", read: restarts on every byte received.
//
// native: yes
// env: NETDEADLINE_READ=1500ms
#include "nd_test.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    struct nd_later drip;
    char bytes[3];
    int64_t start = nd_now();
    nd_drip(&drip, pair.peer, 600 * MS, 6);
    for (int i = 0; i < 3; i++) CHECK_EQ(read(pair.client, bytes, 3), 1);
    CHECK(nd_now() - start > 1500 * MS);
    CHECK_EQ(recv(pair.client, bytes, 3, MSG_WAITALL), 3);
    nd_later_join(&drip);
    CHECK_NO_RECORDS();
    return 0;
}
