// The read deadline bounds no write and the write deadline no read; nd_set_deadline sets both. The getter gives each,
// to whichever pointer is not NULL.
// Source: FACTS "Go's deadline contract" (independent); include/netdeadline.h, nd_set_deadline, nd_get_deadlines.
//
// api: yes
#include "api.h"

static void check(int fd, int64_t read, int64_t write) {
    int64_t reads = 77, writes = 78;
    CHECK_EQ(nd_get_deadlines(fd, &reads, &writes), 0);
    CHECK_EQ(reads, read);
    CHECK_EQ(writes, write);
    reads = writes = 79;
    CHECK_EQ(nd_get_deadlines(fd, &reads, NULL), 0);
    CHECK_EQ(nd_get_deadlines(fd, NULL, &writes), 0);
    CHECK_EQ(reads, read);
    CHECK_EQ(writes, write);
    CHECK_EQ(nd_get_deadlines(fd, NULL, NULL), 0);
}

int main(void) {
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) {
        struct nd_pair pair = api_pair(kind);
        int fd = pair.client;
        int64_t far = nd_now() + 60 * SEC;
        char byte;
        check(fd, 0, 0);
        CHECK_EQ(nd_set_read_deadline(fd, 1), 0);
        check(fd, 1, 0);
        CHECK_EQ(nd_raw_write(pair.peer, "d", 1), 1);
        CHECK_PAST(io_read(fd, &byte, 1));
        CHECK_EQ(io_write(fd, "w", 1), 1);
        CHECK_EQ(nd_set_write_deadline(fd, 2), 0);
        check(fd, 1, 2);
        CHECK_EQ(nd_set_read_deadline(fd, far), 0);
        check(fd, far, 2);
        CHECK_EQ(io_read(fd, &byte, 1), 1);
        CHECK_PAST(io_write(fd, "w", 1));
        CHECK_EQ(nd_set_deadline(fd, 3), 0);
        check(fd, 3, 3);
        CHECK_PAST(io_read(fd, &byte, 1));
        CHECK_PAST(io_write(fd, "w", 1));
        CHECK_EQ(nd_set_write_deadline(fd, 0), 0);
        check(fd, 3, 0);
        CHECK_EQ(io_write(fd, "w", 1), 1);
        CHECK_EQ(nd_set_deadline(fd, 0), 0);
        check(fd, 0, 0);

        // Operations that wait: the other direction's deadline passes them by.
        struct api_op op;
        CHECK_EQ(nd_set_read_deadline(fd, far), 0);
        api_block(&op, &api_read_calls[kind % API_READ_CALLS], fd);
        CHECK_EQ(nd_set_write_deadline(fd, nd_now()), 0);
        nd_sleep(30 * MS);
        CHECK_OP_WAITS(&op);
        int64_t now = nd_now();
        CHECK_EQ(nd_set_read_deadline(fd, now), 0);
        CHECK_OP_EXPIRED(&op, now);
        api_close(&pair);
        if (kind == API_UDP) continue;
        struct nd_pair full = api_full_pair(kind);
        CHECK_EQ(nd_set_write_deadline(full.client, far), 0);
        api_block(&op, &api_write_calls[kind % API_WRITE_CALLS], full.client);
        CHECK_EQ(nd_set_read_deadline(full.client, nd_now()), 0);
        nd_sleep(30 * MS);
        CHECK_OP_WAITS(&op);
        now = nd_now();
        CHECK_EQ(nd_set_write_deadline(full.client, now), 0);
        CHECK_OP_EXPIRED(&op, now);
        api_close(&full);
    }
    return 0;
}
