// One source, three ways to the library. The runner compiles each api test with one of these defined:
//
//   API_LINKED      cc test.c -lnetdeadline: plain read, recv, connect, poll are the library's
//   API_PRELOADED   not linked; the nd_ names are weak, LD_PRELOAD brings them and the plain calls
//   API_DLOPENED    dlopen(RTLD_NOW | RTLD_LOCAL): nothing is interposed, only the nd_ names obey (an FFI's way)
//
// A test writes io_read where it means "read under the deadline" and the nd_ names for the rest. API_INTERPOSED is 1 where
// plain calls obey, for those that have no nd_ name (select, epoll_wait, recvmsg).
//
// Also here: socket pairs of every kind, and one operation on a thread of its own that is known to sleep in the kernel.
// Not here: what is expected of them.
#ifndef API_H
#define API_H

#include <netdeadline.h>

// The other tests have helpers of these names.
#define nd_now nd_test_now
#define nd_connect nd_tcp_connect
#include "nd_calls.h"
#undef nd_now
#undef nd_connect
#include <dlfcn.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#define API_NAMES(X)                                                                                                   \
    X(nd_version) X(nd_now) X(nd_set_deadline) X(nd_set_read_deadline) X(nd_set_write_deadline) X(nd_get_deadlines)    \
    X(nd_set_timeouts) X(nd_get_timeouts) X(nd_connect) X(nd_accept) X(nd_read) X(nd_write) X(nd_recv) X(nd_send)      \
    X(nd_poll) X(nd_close) X(nd_last_expiry) X(nd_scope_enter) X(nd_scope_leave)

#if defined API_LINKED
#define API_INTERPOSED 1
#elif defined API_PRELOADED
#define API_INTERPOSED 1
#define X(name) extern __typeof__(name) name __attribute__((weak));
API_NAMES(X)
#undef X
__attribute__((constructor)) static void api_ready(void) {
#define X(name) if (!name) FAIL("LD_PRELOAD brought no " #name);
    API_NAMES(X)
#undef X
}
#elif defined API_DLOPENED
#define API_INTERPOSED 0
#define X(name) static ND_UNUSED __typeof__(name) *api_##name;
API_NAMES(X)
#undef X
__attribute__((constructor)) static void api_ready(void) {
    void *library = dlopen(getenv("ND_TEST_LIB"), RTLD_NOW | RTLD_LOCAL), *found;
    if (!library) FAIL("%s", dlerror());
    // ISO C has no conversion from dlsym's pointer to one to a function.
#define X(name)                                                                                                        \
    if (!(found = dlsym(library, #name))) FAIL("%s", dlerror());                                                       \
    memcpy(&api_##name, &found, sizeof found);
    API_NAMES(X)
#undef X
}
#define nd_version api_nd_version
#define nd_now api_nd_now
#define nd_set_deadline api_nd_set_deadline
#define nd_set_read_deadline api_nd_set_read_deadline
#define nd_set_write_deadline api_nd_set_write_deadline
#define nd_get_deadlines api_nd_get_deadlines
#define nd_set_timeouts api_nd_set_timeouts
#define nd_get_timeouts api_nd_get_timeouts
#define nd_connect api_nd_connect
#define nd_accept api_nd_accept
#define nd_read api_nd_read
#define nd_write api_nd_write
#define nd_recv api_nd_recv
#define nd_send api_nd_send
#define nd_poll api_nd_poll
#define nd_close api_nd_close
#define nd_last_expiry api_nd_last_expiry
#define nd_scope_enter api_nd_scope_enter
#define nd_scope_leave api_nd_scope_leave
#else
#error "compile it with c-tests/run: one of API_LINKED, API_PRELOADED, API_DLOPENED"
#endif

#if API_INTERPOSED
#define io_connect connect
#define io_accept accept
#define io_read read
#define io_write write
#define io_recv recv
#define io_send send
#define io_poll poll
#define io_close close
#else
#define io_connect nd_connect
#define io_accept nd_accept
#define io_read nd_read
#define io_write nd_write
#define io_recv nd_recv
#define io_send nd_send
#define io_poll nd_poll
#define io_close nd_close
#endif

// ---- what every test asks ----
// -1 with ETIMEDOUT, and at once: nothing was waited for.
#define CHECK_PAST(call)                                                                                               \
    do {                                                                                                               \
        int64_t nd_began = nd_now();                                                                                   \
        CHECK_ERRNO(call, ETIMEDOUT);                                                                                  \
        CHECK_AT_ONCE(nd_began, ND_LATE);                                                                              \
    } while (0)
// The instant has come, and it is not long ago.
#define CHECK_JUST_AFTER(when)                                                                                         \
    do {                                                                                                               \
        int64_t nd_over = nd_now() - (when);                                                                           \
        if (nd_over < 0) FAIL("early by %.3f ms", (double)-nd_over / 1e6);                                             \
        if (nd_over > ND_LATE) FAIL("late by %.3f ms", (double)nd_over / 1e6);                                         \
    } while (0)

// ---- pairs of every kind ----
enum api_kind { API_TCP, API_UNIX, API_UNIX_DGRAM, API_UDP, API_KINDS };
static ND_UNUSED const char *const api_kinds[] = {"tcp", "unix stream", "unix datagram", "udp"};
static ND_UNUSED bool api_is_stream(enum api_kind kind) { return kind == API_TCP || kind == API_UNIX; }
static ND_UNUSED int api_udp(struct sockaddr_in *at) {
    socklen_t size = sizeof *at;
    int fd = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    MUST(bind(fd, (struct sockaddr *)at, sizeof *at));
    MUST(getsockname(fd, (struct sockaddr *)at, &size));
    return fd;
}
// Two connected ends, both blocking. What `peer` does goes through nd_raw.
static ND_UNUSED struct nd_pair api_pair(enum api_kind kind) {
    struct nd_pair pair = {0};
    if (kind == API_TCP) return nd_tcp_pair();
    if (kind == API_UDP) {
        struct sockaddr_in other;
        pair.peer = api_udp(&pair.at);
        pair.client = api_udp(&other);
        MUST(connect(pair.client, (struct sockaddr *)&pair.at, sizeof pair.at));
        MUST(connect(pair.peer, (struct sockaddr *)&other, sizeof other));
    } else {
        int ends[2];
        MUST(socketpair(AF_UNIX, (kind == API_UNIX ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0, ends));
        pair.client = ends[0];
        pair.peer = ends[1];
    }
    return pair;
}
// Until probes of the window make no room for a byte any more, which on a busy machine they do for longer than nd_fill looks.
static ND_UNUSED void api_settle(const struct nd_pair *pairs, size_t count) {
    for (int quiet = 0; quiet < 3; quiet++) {
        nd_sleep(100 * MS);
        for (size_t i = 0; i < count; i++)
            while (nd_raw(SYS_sendto, pairs[i].client, (long)"f", 1, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0) > 0) quiet = -1;
    }
}
// A pair whose client cannot send one byte more. Not for UDP: what has no room there is dropped.
static ND_UNUSED struct nd_pair api_full_pair(enum api_kind kind) {
    static char block[4096];
    struct nd_pair pair;
    if (kind == API_UDP) FAIL("a udp socket is never full");
    if (kind == API_TCP) {
        pair = nd_zero_window();
        api_settle(&pair, 1);
        return pair;
    }
    pair = api_pair(kind);
    size_t size = sizeof block;
    while (size) {
        long sent = nd_raw(SYS_sendto, pair.client, (long)block, (long)size, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
        if (sent < 0) size /= 2;
    }
    return pair;
}
// Bytes that wait at the peer, unseen by the library: -EAGAIN if there is nothing.
static ND_UNUSED long api_peer_got(int peer, void *bytes, size_t room) {
    return nd_raw(SYS_recvfrom, peer, (long)bytes, (long)room, MSG_DONTWAIT, 0, 0);
}
static ND_UNUSED void api_close(struct nd_pair *pair) {
    io_close(pair->client);
    nd_raw_close(pair->peer);
}

// ---- every call that obeys in this way ----
static long api_by_nd_read(int fd, char *byte) { return nd_read(fd, byte, 1); }
static long api_by_nd_recv(int fd, char *byte) { return nd_recv(fd, byte, 1, 0); }
static long api_by_nd_write(int fd, char *byte) { return nd_write(fd, byte, 1); }
static long api_by_nd_send(int fd, char *byte) { return nd_send(fd, byte, 1, MSG_NOSIGNAL); }
static ND_UNUSED const struct nd_call api_read_calls[] = {
    {"nd_read", api_by_nd_read},   {"nd_recv", api_by_nd_recv},
#if API_INTERPOSED
    {"read", nd_by_read},          {"readv", nd_by_readv},       {"recv", nd_by_recv}, {"recvfrom", nd_by_recvfrom},
    {"recvmsg", nd_by_recvmsg},    {"recvmmsg", nd_by_recvmmsg},
#endif
};
static ND_UNUSED const struct nd_call api_write_calls[] = {
    {"nd_write", api_by_nd_write}, {"nd_send", api_by_nd_send},
#if API_INTERPOSED
    {"write", nd_by_write},        {"writev", nd_by_writev},     {"send", nd_by_send}, {"sendto", nd_by_sendto},
    {"sendmsg", nd_by_sendmsg},    {"sendmmsg", nd_by_sendmmsg},
#endif
};
#define API_READ_CALLS (sizeof api_read_calls / sizeof *api_read_calls)
#define API_WRITE_CALLS (sizeof api_write_calls / sizeof *api_write_calls)
// An accept or a connect that succeeds is 1, as a byte read is; what was accepted is closed again.
static ND_UNUSED long api_one(int fd) {
    if (fd > 0) nd_raw_close(fd);
    return fd < 0 ? fd : 1;
}
static long api_by_nd_accept(int fd, char *byte) {
    (void)byte;
    return api_one(nd_accept(fd, NULL, NULL));
}
#if API_INTERPOSED
static long api_by_accept(int fd, char *byte) {
    (void)byte;
    return api_one(accept(fd, NULL, NULL));
}
static long api_by_accept4(int fd, char *byte) {
    (void)byte;
    return api_one(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
}
#endif
static ND_UNUSED const struct nd_call api_accept_calls[] = {
    {"nd_accept", api_by_nd_accept},
#if API_INTERPOSED
    {"accept", api_by_accept},
    {"accept4", api_by_accept4},
#endif
};
#define API_ACCEPT_CALLS (sizeof api_accept_calls / sizeof *api_accept_calls)
// Where the connect calls go; one target a test.
static union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_un un;
} api_target;
static socklen_t api_target_size;
static long api_by_nd_connect(int fd, char *byte) {
    (void)byte;
    return api_one(nd_connect(fd, &api_target.any, api_target_size));
}
#if API_INTERPOSED
static long api_by_connect(int fd, char *byte) {
    (void)byte;
    return api_one(connect(fd, &api_target.any, api_target_size));
}
#endif
static ND_UNUSED const struct nd_call api_connect_calls[] = {
    {"nd_connect", api_by_nd_connect},
#if API_INTERPOSED
    {"connect", api_by_connect},
#endif
};
#define API_CONNECT_CALLS (sizeof api_connect_calls / sizeof *api_connect_calls)

// ---- one operation on a thread of its own ----
struct api_op {
    const struct nd_call *call;
    int fd;
    char byte;
    long result;
    int error;
    int64_t start, end;
    atomic_int tid;
    struct nd_thread thread;
};
static ND_UNUSED void *api_op_body(void *argument) {
    struct api_op *op = argument;
    op->start = nd_now();
    atomic_store(&op->tid, (int)syscall(SYS_gettid));
    errno = ND_ERRNO_BEFORE;
    op->result = op->call->make(op->fd, &op->byte);
    op->error = errno;
    op->end = nd_now();
    return NULL;
}
static ND_UNUSED char api_thread_state(int tid) {
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    long file = nd_raw(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
    if (file < 0) return 0;
    nd_raw_read((int)file, text, sizeof text - 1);
    nd_raw_close((int)file);
    char *end = strrchr(text, ')');
    return end && end[1] ? end[2] : 0;
}
// Until the thread sleeps in the kernel: seen so several times, since it may sleep for a moment on its way there. False if
// it has ended.
static ND_UNUSED bool api_asleep(int tid) {
    int64_t end = nd_now() + 10 * SEC;
    for (int seen = 0; seen < 4; nd_sleep(1 * MS)) {
        char state = api_thread_state(tid);
        seen = state == 'S' ? seen + 1 : 0;
        if (!state) return false;
        if (nd_now() > end) FAIL("thread %d does not wait (state %c)", tid, state);
    }
    return true;
}
static ND_UNUSED void api_until_asleep(int tid) {
    if (!api_asleep(tid)) FAIL("thread %d has ended", tid);
}
// Begins it; the caller does not know how far it is.
static ND_UNUSED void api_start(struct api_op *op, const struct nd_call *call, int fd) {
    op->call = call;
    op->fd = fd;
    op->byte = 'w';
    atomic_store(&op->tid, 0);
    op->thread = nd_start(api_op_body, op);
}
// Begins it and comes back when it waits.
static ND_UNUSED void api_block(struct api_op *op, const struct nd_call *call, int fd) {
    api_start(op, call, fd);
    while (!atomic_load(&op->tid)) nd_sleep(MS / 10);
    if (api_asleep(atomic_load(&op->tid))) return;
    pthread_join(op->thread.id, NULL);
    FAIL("%s ended, with %ld, errno %d (%s)", call->name, op->result, op->error, strerror(op->error));
}
static ND_UNUSED void api_join(struct api_op *op) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    if (pthread_timedjoin_np(op->thread.id, NULL, &until)) FAIL("%s on %d does not end", op->call->name, op->fd);
}
// Joins it: it failed with this errno, at `when` or later, but not seconds later.
#define CHECK_OP_FAILED(op, wanted, when)                                                                              \
    do {                                                                                                               \
        struct api_op *nd_o = (op);                                                                                    \
        int64_t nd_when = (when);                                                                                      \
        api_join(nd_o);                                                                                                \
        if (nd_o->result != -1 || nd_o->error != (wanted))                                                             \
            FAIL("%s is %ld with errno %d (%s), not -1 with %s, after %.1f ms", nd_o->call->name, nd_o->result,        \
                 nd_o->error, strerror(nd_o->error), #wanted, (double)(nd_o->end - nd_o->start) / 1e6);                \
        if (nd_o->end < nd_when)                                                                                       \
            FAIL("%s ended %.3f ms early", nd_o->call->name, (double)(nd_when - nd_o->end) / 1e6);                     \
        if (nd_o->end > nd_when + ND_LATE)                                                                             \
            FAIL("%s ended %.3f ms late", nd_o->call->name, (double)(nd_o->end - nd_when) / 1e6);                      \
    } while (0)
#define CHECK_OP_EXPIRED(op, when) CHECK_OP_FAILED(op, ETIMEDOUT, when)
// Joins it: one byte (or message) moved, and errno is what it was.
#define CHECK_OP_MOVED(op)                                                                                             \
    do {                                                                                                               \
        struct api_op *nd_o = (op);                                                                                    \
        api_join(nd_o);                                                                                                \
        if (nd_o->result != 1)                                                                                         \
            FAIL("%s is %ld with errno %d (%s), not 1, after %.1f ms", nd_o->call->name, nd_o->result, nd_o->error,    \
                 strerror(nd_o->error), (double)(nd_o->end - nd_o->start) / 1e6);                                      \
        if (nd_o->error != ND_ERRNO_BEFORE) FAIL("%s succeeded and changed errno to %d", nd_o->call->name, nd_o->error); \
    } while (0)
// It still waits.
#define CHECK_OP_WAITS(op)                                                                                             \
    do {                                                                                                               \
        struct api_op *nd_o = (op);                                                                                    \
        if (pthread_tryjoin_np(nd_o->thread.id, NULL) == 0)                                                            \
            FAIL("%s ended with %ld, errno %d (%s)", nd_o->call->name, nd_o->result, nd_o->error, strerror(nd_o->error)); \
    } while (0)
#endif
