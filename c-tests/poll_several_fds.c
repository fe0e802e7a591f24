// Of several fds in one poll only those whose own deadline has passed are reported, each at its time; a plain fd beside them is
// reported as soon as it is ready, and one fd in two entries is reported in both.
// Source: SEMANTICS "Non-blocking sockets" 4; TRAPS: starvation of plain fds beside the handled ones (VPP vcl).
//
// env: none
#include "nb_wait.h"

int main(void) {
    struct nd_pair early = nb_pair(), late = nb_pair();
    int pipes[2];
    char byte;
    nd_set_timeout(early.client, SO_RCVTIMEO, 200 * MS);
    nd_set_timeout(late.client, SO_RCVTIMEO, 700 * MS);
    MUST(pipe(pipes));
    struct pollfd entries[4] = {{.fd = late.client, .events = POLLIN},
                                {.fd = pipes[0], .events = POLLIN},
                                {.fd = early.client, .events = POLLIN},
                                {.fd = early.client, .events = POLLIN | POLLPRI}};
    int64_t start = nd_now();
    CHECK_EQ(poll(entries, 4, 5000), 2);
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_EQ(entries[0].revents, 0);
    CHECK_EQ(entries[1].revents, 0);
    CHECK_EQ(entries[2].revents, POLLIN);
    CHECK_EQ(entries[3].revents, POLLIN);
    CHECK_ERRNO(read(early.client, &byte, 1), ETIMEDOUT);
    CHECK_EQ(nd_raw_write(pipes[1], "x", 1), 1);
    CHECK_EQ(poll(entries, 3, 5000), 1);
    CHECK_EQ(entries[1].revents, POLLIN);
    CHECK_EQ(entries[2].revents, 0);
    CHECK_EQ(read(pipes[0], &byte, 1), 1);
    // From here the early one is not asked any more.
    CHECK_EQ(poll(entries, 2, 5000), 1);
    CHECK_ENDED_AT(start, 700 * MS);
    CHECK_EQ(entries[0].revents, POLLIN);
    CHECK_ERRNO(read(late.client, &byte, 1), ETIMEDOUT);
    return 0;
}
