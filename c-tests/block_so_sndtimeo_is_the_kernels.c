// On a blocking socket SO_SNDTIMEO gives the bytes so far, then EAGAIN, with and without a longer policy.
// Source: socket(7); SEMANTICS "Errno", SO_*TIMEO, blocking call; FACTS (SO_SNDTIMEO).
//
// native: yes
// env: none
// env: NETDEADLINE_WRITE=8s
#include "nd_test.h"

int main(void) {
    static char block[4 << 20];
    struct nd_pair pair = nd_tcp_pair();
    nd_small_buffers(&pair);
    nd_set_timeout(pair.client, SO_SNDTIMEO, 600 * MS);
    int64_t start = nd_now();
    ssize_t sent = write(pair.client, block, sizeof block);
    if (sent <= 0 || sent >= (ssize_t)sizeof block) FAIL("%zd bytes, errno %d", sent, errno);
    CHECK(nd_now() - start >= 590 * MS);
    // poll says that there is no room, and yet the kernel would take some: now it is really full.
    nd_fill(pair.client);
    start = nd_now();
    CHECK_ERRNO(write(pair.client, block, sizeof block), EAGAIN);
    CHECK(nd_now() - start >= 590 * MS);
    CHECK_EQ(nd_kernel_timeout_ms(pair.client, SO_SNDTIMEO), 600);
    CHECK_EQ(nd_kernel_timeout_ms(pair.client, SO_RCVTIMEO), 0);
    return 0;
}
