// A scope does not touch what is no socket: a file is read and written, and a pipe that is read directly waits for its data, long
// after the scope's instant.
// Source: include/netdeadline.h, nd_scope_enter: nor is what waits on no socket.
//
// api: yes
#include "apin_wait.h"

static void *write_later(void *argument) {
    nd_sleep(40 * MS);
    CHECK_EQ(nd_raw_write(*(int *)argument, "late", 4), 4);
    return NULL;
}

int main(void) {
    char name[] = "file-XXXXXX", bytes[8];
    int file = MUST(mkstemp(name)), ends[2];
    MUST(pipe2(ends, O_CLOEXEC));
    for (int round = 0; round < 2; round++) {
        int64_t start = nd_now(), token = nd_scope_enter(round ? 1 : start + 10 * MS);
        CHECK(token >= 0);
        struct nd_thread writer = nd_start(write_later, &ends[1]);
        CHECK_EQ(round ? nd_read(ends[0], bytes, sizeof bytes) : io_read(ends[0], bytes, sizeof bytes), 4);
        CHECK_ENDED_AT(start, 40 * MS);
        CHECK_EQ(io_write(file, "whole", 5), 5);
        CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
        CHECK_EQ(io_read(file, bytes, sizeof bytes), 5);
        CHECK_EQ(ftruncate(file, 0), 0);
        CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
        CHECK_EQ(nd_write(ends[1], "p", 1), 1);
        CHECK_EQ(nd_read(ends[0], bytes, sizeof bytes), 1);
        nd_join(writer, 10 * SEC);
        CHECK_EQ(nd_scope_leave(token), 0);
    }
    return 0;
}
