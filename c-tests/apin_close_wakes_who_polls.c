// nd_close of a socket that other threads poll wakes them: their waits end, and what they then try fails with EBADF, not as a
// timeout. In poll the socket is reported as POLLNVAL. A number that is used again has none of the deadline.
// Source: include/netdeadline.h, nd_close; FACTS "Go's deadline contract": close wakes, which is not a timeout.
//
// api: yes
#include "apin_wait.h"

int main(void) {
    static const int counts[] = {1, 5, 63, 200};
    enum { COUNTS = sizeof counts / sizeof *counts };
    for (int deadline = 0; deadline < 2; deadline++) {
        APIN_EACH_KIND(kind) {
            struct nd_pair pairs[COUNTS];
            struct apin_sleeper sleepers[COUNTS];
            char byte;
            for (int i = 0; i < COUNTS; i++) {
                pairs[i] = apin_pair(kind);
                CHECK_EQ(nd_set_read_deadline(pairs[i].client, deadline ? nd_now() + 60 * SEC : 0), 0);
                apin_start(&sleepers[i], NB_POLL, counts[i], pairs[i].client, POLLIN, 15000);
            }
            apin_asleep(sleepers, COUNTS);
            int64_t start = nd_now();
            for (int i = 0; i < COUNTS; i++) CHECK_EQ(nd_close(pairs[i].client), 0);
            for (int i = 0; i < COUNTS; i++) {
                apin_end(&sleepers[i]);
                CHECK_WOKEN(&sleepers[i], POLLNVAL, start);
                CHECK_ERRNO(io_read(pairs[i].client, &byte, 1), EBADF);
                CHECK_ERRNO(nd_set_deadline(pairs[i].client, 0), EBADF);
                nd_raw_close(pairs[i].peer);
            }
        }
    }
    for (int round = 0; round < 20; round++) {
        struct nd_pair pair = apin_pair(API_TCP);
        int64_t reads = -1, writes = -1;
        char byte;
        CHECK_EQ(nd_get_deadlines(pair.client, &reads, &writes), 0);
        CHECK_EQ(reads, 0);
        CHECK_EQ(writes, 0);
        CHECK_ERRNO(io_read(pair.client, &byte, 1), EAGAIN);
        CHECK_EQ(nd_set_deadline(pair.client, 1), 0);
        CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        api_close(&pair);
    }
    return 0;
}
