// A write that got rid of a part returns that part at the deadline; the next one fails at once. So a sendall loop takes one
// deadline, not three. After that failure the clock starts anew.
// Source: SEMANTICS "Errno", write; "Blocking calls", a short blocking write marks the slot.
//
// env: NETDEADLINE_WRITE=2s
// cap: 30
#include "nd_test.h"

int main(void) {
    static char block[8 << 20];
    struct nd_pair pair = nd_tcp_pair();
    nd_small_buffers(&pair);
    int64_t start = nd_now();
    ssize_t sent = write(pair.client, block, sizeof block);
    if (sent <= 0 || sent >= (ssize_t)sizeof block) FAIL("%zd bytes sent, errno %d", sent, errno);
    CHECK_ENDED_AT(start, 2 * SEC);
    int64_t again = nd_now();
    CHECK_ERRNO(write(pair.client, block, sizeof block - (size_t)sent), ETIMEDOUT);
    CHECK_AT_ONCE(again, 1 * SEC);
    CHECK_RECORDS("write", 1);

    // A byte might still fit where poll sees no room; not after this.
    nd_fill(pair.client);
    again = nd_now();
    CHECK_ERRNO(write(pair.client, block, 1), ETIMEDOUT);
    CHECK_ENDED_AT(again, 2 * SEC);
    return 0;
}
