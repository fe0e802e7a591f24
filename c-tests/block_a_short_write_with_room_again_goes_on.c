// After a short write the next one fails at once only if there is still no room; when the peer has read meanwhile it goes on.
// Source: SEMANTICS "Blocking calls", a short blocking write marks the slot.
//
// env: NETDEADLINE_WRITE=500ms
#include "nd_test.h"

int main(void) {
    static char block[8 << 20];
    struct nd_pair pair = nd_tcp_pair();
    nd_small_buffers(&pair);
    ssize_t sent = write(pair.client, block, sizeof block);
    if (sent <= 0 || sent >= (ssize_t)sizeof block) FAIL("%zd bytes sent, errno %d", sent, errno);
    for (int i = 0; i < 30; i++) {
        nd_drain(pair.peer);
        nd_sleep(10 * MS);
    }
    CHECK_EQ(write(pair.client, block, 100), 100);
    return 0;
}
