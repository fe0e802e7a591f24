// A handler that jumps out of a wait that syscall(2) made, or sendfile, which is no point of cancellation either: the thread can be
// cancelled from there on as it could before, and the socket is as usable.
// Source: pthreads(7), "Cancellation points"; setjmp(3).
//
// native: yes
// env: none
// env: NETDEADLINE_READ=9s NETDEADLINE_WRITE=9s
#include "nd_test.h"
#include <setjmp.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>

static struct nd_pair pair, full;
static int set, ends[2], file;
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
static void file_by_name(void) { sendfile(full.client, file, NULL, 1000); }
static void file_by_number(void) { syscall(SYS_sendfile, full.client, file, NULL, 1000); }
static const struct {
    const char *name;
    void (*wait)(void);
} waits[] = {
    {"read", by_name},
    {"SYS_read of a pipe", pipe_by_number},
    {"SYS_read", by_number},
    {"SYS_recvmsg", message_by_number},
    {"SYS_epoll_wait", set_by_number},
    {"sendfile", file_by_name},
    {"SYS_sendfile", file_by_number},
};

// Waits until that thread is in its call: switched away from, and no more while three looks pass. Only then may a signal come: before,
// its way back is another thread's.
static void until_it_waits(int tid) {
    char path[64], text[4096];
    long seen = -1, same = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/status", tid);
    for (int64_t end = nd_now() + 5 * SEC; same < 3;) {
        if (nd_now() > end) FAIL("the thread does not come to wait");
        nd_sleep(10 * MS);
        FILE *status = fopen(path, "re");
        size_t n = status ? fread(text, 1, sizeof text - 1, status) : 0;
        if (status) fclose(status);
        text[n] = 0;
        const char *state = strstr(text, "State:\tS"), *switches = strstr(text, "\nvoluntary_ctxt_switches:");
        long count = switches ? strtol(switches + 25, NULL, 10) : 0;
        same = state && count == seen ? same + 1 : 0;
        seen = count;
    }
}

struct one {
    int which, old_type;
    _Atomic int tid; // once it can jump
    volatile bool jumped;
};
static void *body(void *argument) {
    struct one *one = argument;
    // glibc 2.36 leaves a thread that jumped out of its read asynchronous, and gives the next thread its memory with that in it.
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &one->old_type);
    if (!sigsetjmp(back, 1)) {
        one->tid = (int)nd_raw(SYS_gettid, 0, 0, 0, 0, 0, 0);
        waits[one->which].wait();
        FAIL("%s ended by itself: %s", waits[one->which].name, strerror(errno));
    }
    one->jumped = true;
    // nanosleep is a point of cancellation.
    for (int64_t end = nd_now() + 3 * SEC; nd_now() < end;) nd_sleep(1 * MS);
    return NULL;
}

int main(void) {
    struct sigaction action = {.sa_handler = leave};
    MUST(sigaction(SIGUSR1, &action, NULL));
    pair = nd_tcp_pair();
    full = nd_zero_window();
    file = MUST(open("/proc/self/exe", O_RDONLY));
    set = MUST(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN};
    MUST(epoll_ctl(set, EPOLL_CTL_ADD, pair.client, &event));
    // Seen once, it is known for what it is.
    char byte;
    MUST(pipe(ends));
    CHECK_EQ(nd_raw_write(ends[1], "x", 1), 1);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    for (int i = 0; i < (int)(sizeof waits / sizeof *waits); i++) {
        struct one one = {.which = i};
        struct nd_thread thread = nd_start(body, &one);
        while (!one.tid) nd_sleep(1 * MS);
        until_it_waits(one.tid);
        CHECK_EQ(pthread_kill(thread.id, SIGUSR1), 0);
        for (int64_t end = nd_now() + 3 * SEC; !one.jumped;) {
            if (nd_now() > end) FAIL("%s: the jump did not come", waits[i].name);
            nd_sleep(1 * MS);
        }
        CHECK_EQ(pthread_cancel(thread.id), 0);
        if (nd_join(thread, 5 * SEC) != PTHREAD_CANCELED) FAIL("%s: the thread could not be cancelled", waits[i].name);
    }
    // The socket is as usable as before, by number and by name.
    char bytes[2];
    CHECK_EQ(nd_raw_write(pair.peer, "xy", 2), 2);
    CHECK_EQ(syscall(SYS_read, pair.client, bytes, 1), 1);
    CHECK_EQ(read(pair.client, bytes, 1), 1);
    CHECK_NO_RECORDS();
    return 0;
}
