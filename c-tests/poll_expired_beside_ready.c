// An fd whose deadline has passed is reported although another one is ready all the time: the kernel's wait never lasts, and
// the expiry must be seen all the same.
// Source: SEMANTICS "Non-blocking sockets" 2 and 5; TRAPS: starvation.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    int pipes[2];
    char byte;
    MUST(pipe(pipes));
    CHECK_EQ(write(pipes[1], "x", 1), 1);
    for (int kind = 0; kind < 2; kind++) {
        struct nd_pair pair = nb_pair();
        int64_t start = nd_now();
        for (;;) {
            bool ready;
            if (kind == 0) {
                struct pollfd entries[2] = {{.fd = pipes[0], .events = POLLIN}, {.fd = pair.client, .events = POLLIN}};
                int count = poll(entries, 2, 1000);
                ready = entries[1].revents == POLLIN;
                CHECK_EQ(entries[0].revents, POLLIN);
                CHECK_EQ(count, 1 + ready);
            } else {
                fd_set in;
                FD_ZERO(&in);
                FD_SET(pipes[0], &in);
                FD_SET(pair.client, &in);
                int count = select(pair.client + pipes[0] + 1, &in, NULL, NULL, NULL);
                CHECK(FD_ISSET(pipes[0], &in));
                ready = FD_ISSET(pair.client, &in);
                CHECK_EQ(count, 1 + ready);
            }
            if (ready) break;
            CHECK(nd_now() < start + 4 * SEC);
            nd_sleep(5 * MS);
        }
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        nd_pair_close(&pair);
    }
    return 0;
}
