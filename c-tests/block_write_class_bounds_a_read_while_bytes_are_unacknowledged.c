// A program that sent a request nobody takes, and now reads, waits for its write as well: the write class ends it.
// Source: SEMANTICS "Classes", write: "or it waits for anything while sent bytes stay unacknowledged".
//
// env: NETDEADLINE_WRITE=500ms
#include "nd_test.h"

int main(void) {
    static char block[4096];
    struct nd_pair pair = nd_tcp_pair();
    char byte;
    nd_small_buffers(&pair);
    for (int quiet = 0; quiet < 3;) {
        if (send(pair.client, block, sizeof block, MSG_DONTWAIT) > 0) continue;
        CHECK_EQ(errno, EAGAIN);
        quiet++;
        nd_sleep(10 * MS);
    }
    int64_t start = nd_now();
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    // The clock ran from the last byte that was accepted, a little before the read.
    int64_t took = nd_now() - start;
    if (took < 300 * MS || took > 500 * MS + ND_LATE) FAIL("after %.3f ms", (double)took / 1e6);
    CHECK_RECORDS("write", 1);
    return 0;
}
