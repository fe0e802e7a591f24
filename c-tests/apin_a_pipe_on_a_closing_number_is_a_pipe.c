// A socket's number is closed by one thread, and given to another (as a pipe) by the kernel before the first one's close() is back: poll
// does not call the pipe POLLNVAL, and another socket polled beside it does not suffer either.
// Source: include/netdeadline.h, nd_close; found by tests/chaos.
//
// api: preloaded linked
#include "apin_wait.h"
#include <stdatomic.h>

static atomic_bool over;

static void *closes(void *unused) {
    while (!atomic_load(&over)) {
        int two[2];
        MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, two));
        MUST(io_close(two[0]));
        MUST(io_close(two[1]));
    }
    return unused;
}

int main(void) {
    struct nd_thread threads[3];
    int two[2], polls = 0;
    CHECK_ERRNO(nd_set_read_deadline(-1, 0), EBADF);
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, two));
    for (int i = 0; i < 3; i++) threads[i] = nd_start(closes, NULL);
    for (int64_t end = nd_now() + 2 * SEC; nd_now() < end; polls++) {
        int ends[2];
        MUST(pipe2(ends, O_CLOEXEC));
        struct pollfd p[2] = {{.fd = ends[1], .events = POLLOUT}, {.fd = two[0], .events = POLLOUT}};
        CHECK_EQ(io_poll(p, 2, 0), 2);
        CHECK_EQ(p[0].revents, POLLOUT);
        CHECK_EQ(p[1].revents, POLLOUT);
        MUST(io_close(ends[0]));
        MUST(io_close(ends[1]));
    }
    atomic_store(&over, true);
    for (int i = 0; i < 3; i++) nd_join(threads[i], 10 * SEC);
    fprintf(stderr, "%d polls\n", polls);
    CHECK(polls > 100);
    return 0;
}
