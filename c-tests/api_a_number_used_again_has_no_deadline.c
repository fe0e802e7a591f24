// A descriptor's number that is closed and given out again begins without deadlines and timeouts, a thousand times:
// through close where that is interposed, through nd_close, and where the library saw neither (a system call, or close
// beside a library that was opened with dlopen).
// Source: SEMANTICS "fds and processes"; STYLE ("generation").
//
// api: yes
#include "api.h"

static int unseen(int fd) { return (int)nd_raw_close(fd); }
static int by_nd_close(int fd) { return nd_close(fd); }
static int by_io_close(int fd) { return io_close(fd); }

int main(void) {
    int (*const closes[])(int) = {by_io_close, by_nd_close, unseen};
    static const struct nd_timeouts some = {.read = 1, .write = 2, .lifetime = 3};
    int number = -1;
    for (int i = 0; i < 1000; i++) {
        int ends[2];
        int64_t reads = 7, writes = 7;
        struct nd_timeouts timeouts;
        char byte = 0;
        MUST(socketpair(AF_UNIX, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0, ends));
        if (number < 0) number = ends[0];
        CHECK_EQ(ends[0], number);
        CHECK_EQ(nd_raw_write(ends[1], "d", 1), 1);
        CHECK_EQ(io_read(ends[0], &byte, 1), 1);
        CHECK_EQ(io_write(ends[0], "w", 1), 1);
        CHECK_EQ(nd_get_deadlines(ends[0], &reads, &writes), 0);
        CHECK_EQ(reads, 0);
        CHECK_EQ(writes, 0);
        CHECK_EQ(nd_get_timeouts(ends[0], &timeouts), 0);
        CHECK_EQ(timeouts.read | timeouts.write | timeouts.lifetime | timeouts.connect | timeouts.response, 0);
        if (i % 5 == 0) CHECK_EQ(nd_set_timeouts(ends[0], &some), 0);
        CHECK_EQ(nd_set_deadline(ends[0], i % 3 ? 1 : nd_now() + SEC), 0);
        if (i % 3) CHECK_PAST(io_read(ends[0], &byte, 1));
        CHECK_EQ(closes[i % 3](ends[0]), 0);
        CHECK_EQ(closes[i / 3 % 3](ends[1]), 0);
    }
    // It waits as ever.
    struct nd_pair pair = api_pair(API_UNIX);
    CHECK_EQ(pair.client, number);
    struct nd_later later;
    char byte;
    nd_send_later(&later, pair.peer, 1200 * MS, "d", 1);
    CHECK_EQ(io_read(pair.client, &byte, 1), 1);
    nd_later_join(&later);
    return 0;
}
