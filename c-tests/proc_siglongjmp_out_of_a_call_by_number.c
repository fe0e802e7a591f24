// A handler that jumps out of a wait that syscall(2) made: the thread cannot be cancelled from there on where the call was one that we
// make, until it asks for that itself; all else is as ever. A call by libc's name leaves the thread as it does natively.
// Source: docs/limits.md, "A `syscall(2)` that is left by `siglongjmp`".
//
// native: yes
// env: none
// env: NETDEADLINE_READ=9s
#include "nd_test.h"
#include <setjmp.h>
#include <sys/epoll.h>

static struct nd_pair pair;
static int set, ends[2];
static sigjmp_buf back;
static void leave(int number) {
    (void)number;
    siglongjmp(back, 1);
}

static void by_name(void) {
    char byte;
    (void)!read(pair.client, &byte, 1);
}
static void by_number(void) {
    char byte;
    syscall(SYS_read, pair.client, &byte, 1);
}
static void message_by_number(void) {
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    syscall(SYS_recvmsg, pair.client, &message, 0);
}
static void set_by_number(void) {
    struct epoll_event event;
    syscall(SYS_epoll_wait, set, &event, 1, -1);
}
static void pipe_by_number(void) {
    char byte;
    syscall(SYS_read, ends[0], &byte, 1);
}
// Which calls we make ourselves: with a deadline all on sockets; without one those whose number has a door for any descriptor.
static const struct {
    const char *name;
    void (*wait)(void);
    bool ours, ours_under_a_rule;
} waits[] = {
    {"read", by_name, false, false},
    {"SYS_read of a pipe", pipe_by_number, false, false},
    {"SYS_read", by_number, false, true},
    {"SYS_recvmsg", message_by_number, true, true},
    {"SYS_epoll_wait", set_by_number, true, true},
};

struct one {
    int which, old_state, old_type;
    volatile int at; // 0: waits, 1: has jumped, 2: may ask to be cancelled, 3: asks
};
static void *body(void *argument) {
    struct one *one = argument;
    // glibc 2.36 leaves a thread that jumped out of its read asynchronous, and gives the next thread its memory with that in it.
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &one->old_type);
    if (!sigsetjmp(back, 1)) {
        waits[one->which].wait();
        FAIL("%s ended by itself: %s", waits[one->which].name, strerror(errno));
    }
    one->at = 1;
    // nanosleep is a point of cancellation.
    while (one->at == 1) nd_sleep(1 * MS);
    one->at = 3;
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &one->old_type);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &one->old_state);
    pthread_testcancel();
    return NULL;
}

int main(void) {
    struct sigaction action = {.sa_handler = leave};
    MUST(sigaction(SIGUSR1, &action, NULL));
    pair = nd_tcp_pair();
    set = MUST(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN};
    MUST(epoll_ctl(set, EPOLL_CTL_ADD, pair.client, &event));
    // Seen once, it is known for what it is.
    char byte;
    MUST(pipe(ends));
    CHECK_EQ(nd_raw_write(ends[1], "x", 1), 1);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    for (int i = 0; i < (int)(sizeof waits / sizeof *waits); i++) {
        bool kept = nd_shimmed() && (getenv("NETDEADLINE_READ") ? waits[i].ours_under_a_rule : waits[i].ours);
        struct one one = {.which = i};
        struct nd_thread thread = nd_start(body, &one);
        nd_sleep(60 * MS);
        CHECK_EQ(pthread_kill(thread.id, SIGUSR1), 0);
        for (int64_t end = nd_now() + 3 * SEC; !one.at;) {
            if (nd_now() > end) FAIL("%s: the jump did not come", waits[i].name);
            nd_sleep(1 * MS);
        }
        CHECK_EQ(pthread_cancel(thread.id), 0);
        nd_sleep(60 * MS);
        bool cancelled = one.at == 1 && pthread_tryjoin_np(thread.id, NULL) == 0;
        if (cancelled == kept) FAIL("%s: the thread %s", waits[i].name, cancelled ? "was cancelled" : "could not be cancelled");
        if (cancelled) continue;
        one.at = 2;
        CHECK(nd_join(thread, 3 * SEC) == PTHREAD_CANCELED);
        CHECK_EQ(one.at, 3);
        CHECK_EQ(one.old_state, PTHREAD_CANCEL_DISABLE);
    }
    // The socket is as usable as before, by number and by name.
    char bytes[2];
    CHECK_EQ(nd_raw_write(pair.peer, "xy", 2), 2);
    CHECK_EQ(syscall(SYS_read, pair.client, bytes, 1), 1);
    CHECK_EQ(read(pair.client, bytes, 1), 1);
    CHECK_NO_RECORDS();
    return 0;
}
