// A program that waits for anything while what it sent stays unacknowledged is under the write deadline: it wrote all it had,
// the window is shut, and it waits for an answer that cannot come.
// Source: SEMANTICS "Classes", write.
//
// env: NETDEADLINE_WRITE=250ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        static char block[2000];
        char byte;
        nd_small_buffers(&pair);
        // Write while there is room, and stop before a write fails: no EAGAIN and no short write has armed anything.
        struct pollfd room = {.fd = pair.client, .events = POLLOUT};
        int64_t start = nd_now();
        for (int quiet = 0; quiet < 5;) {
            if (nd_raw(SYS_poll, (long)&room, 1, 0, 0, 0, 0) == 1) {
                quiet = 0;
                start = nd_now();
                if (write(pair.client, block, sizeof block) != sizeof block) break;
            } else {
                quiet++;
                nd_sleep(10 * MS);
            }
        }
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ENDED_AT(start, 250 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    CHECK_RECORD("write", "source", "NETDEADLINE_WRITE");
    return 0;
}
