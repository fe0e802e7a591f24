// The threads of one socket: each is given one operation at a time and says how it ended. They live as long as the program.
//
// Not here: what an operation must have come to.
#ifndef WORKERS_H
#define WORKERS_H

#include "stress.h"

#define WORKERS 8
// BELL: a bare ppoll of an eventfd, which the library does not see. MOVE: no wait, the body is given. LOOK: the wait alone.
enum what { READ, LOOK, WRITE, ACCEPT, CONNECT, BELL, MOVE };

struct worker {
    // The order.
    enum what what;
    int fd, timeout_ms;
    int64_t scope;     // until when; 0 = in none
    void (*move)(struct worker *);
    int64_t from, to;  // for `move`
    struct sockaddr_un *address;
    socklen_t size;
    // The outcome. A wait that ended by its own timeout is 0 with `revents` 0.
    long result;
    int error, empty;  // empty: told ready when there was nothing
    short revents;
    char byte;
    int64_t began, ended, told; // told: so for the first time
    // Between the two threads.
    sem_t go, done;
    atomic_bool ended_yet, begun;
    atomic_int tid;
    uint64_t state;
};
static struct worker workers[WORKERS];

static short interest(enum what what) { return what == WRITE || what == CONNECT ? POLLOUT : POLLIN; }
// What comes back is the bits; 0 at the timeout, -1 with errno.
static int ready(const struct worker *w, int set) {
    if (run.way == POLL) {
        struct pollfd entry = {.fd = w->fd, .events = interest(w->what)};
        int count = poll(&entry, 1, w->timeout_ms);
        return count > 0 ? entry.revents : count;
    }
    struct epoll_event event = {0};
    int count = epoll_wait(set, &event, 1, w->timeout_ms);
    return count > 0 ? (int)event.events : count;
}
static long operate(struct worker *w) {
    switch (w->what) {
    case READ: return w->state++ % 2 ? read(w->fd, &w->byte, 1) : recv(w->fd, &w->byte, 1, 0);
    case WRITE: return w->state++ % 2 ? write(w->fd, "w", 1) : send(w->fd, "w", 1, MSG_NOSIGNAL);
    case ACCEPT: return accept4(w->fd, NULL, NULL, SOCK_CLOEXEC);
    case CONNECT: {
        if (run.way == BLOCKING) return connect(w->fd, (struct sockaddr *)w->address, w->size);
        int error = 0;
        socklen_t size = sizeof error;
        MUST(getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &size));
        errno = error;
        return error ? -1 : 0;
    }
    default: return 0;
    }
}
static void wait_and_operate(struct worker *w) {
    int set = -1;
    if (run.way == EPOLL) {
        struct epoll_event event = {.events = (uint32_t)interest(w->what)};
        set = MUST(epoll_create1(EPOLL_CLOEXEC));
        MUST(epoll_ctl(set, EPOLL_CTL_ADD, w->fd, &event));
    }
    for (;;) {
        errno = ND_ERRNO_BEFORE;
        int bits = ready(w, set);
        w->error = errno;
        w->ended = nd_now();
        w->revents = (short)(bits < 0 ? 0 : bits);
        w->result = bits < 0 ? -1 : 0;
        if (bits & POLLNVAL && bits > 0) {
            w->result = -1;
            w->error = EBADF;
            break;
        }
        if (bits <= 0 || w->what == LOOK) break;
        errno = ND_ERRNO_BEFORE;
        w->result = operate(w);
        w->error = errno;
        if (w->result >= 0 || w->error != EAGAIN) break;
        if (!w->empty++) w->told = w->ended;
    }
    if (set >= 0) close(set);
}
static void carry_out(struct worker *w) {
    int64_t token = w->scope ? nd_scope_enter(w->scope) : -1;
    if (w->scope && token < 0) FAIL("nd_scope_enter: %s", strerror(errno));
    // A scope within it that lasts longer changes nothing.
    int64_t inner = w->scope && w->state % 3 == 0 ? nd_scope_enter(w->scope + SEC) : -1;
    w->began = nd_now();
    if (w->what == CONNECT && run.way != BLOCKING) {
        int made = connect(w->fd, (struct sockaddr *)w->address, w->size);
        if (made == 0 || (errno != EINPROGRESS && errno != ETIMEDOUT)) FAIL("connect is %d: %s", made, strerror(errno));
        if (errno == ETIMEDOUT) {
            w->result = -1;
            w->error = errno;
            w->ended = nd_now();
            w->began = INT64_MAX; // no wait
            return;
        }
    }
    atomic_store(&w->begun, true);
    if (w->what == BELL) {
        struct pollfd entry = {.fd = w->fd, .events = POLLIN};
        w->result = nd_raw(SYS_ppoll, (long)&entry, 1, 0, 0, 8, 0);
        w->ended = nd_now();
    } else if (w->what == MOVE) {
        w->move(w);
        w->ended = nd_now();
    } else if (run.way == BLOCKING) {
        errno = ND_ERRNO_BEFORE;
        w->result = operate(w);
        w->error = errno;
        w->ended = nd_now();
    } else {
        wait_and_operate(w);
    }
    if (inner >= 0) CHECK_EQ(nd_scope_leave(inner), 0);
    if (token >= 0) CHECK_EQ(nd_scope_leave(token), 0);
}
static void *works(void *argument) {
    struct worker *w = argument;
    atomic_store(&w->tid, (int)syscall(SYS_gettid));
    for (;;) {
        while (sem_wait(&w->go)) {}
        carry_out(w);
        atomic_store(&w->ended_yet, true);
        sem_post(&w->done);
    }
    return NULL;
}
static void hire(void) {
    for (struct worker *w = workers; w < workers + WORKERS; w++) {
        w->state = run.seed + (uint64_t)(w - workers);
        MUST(sem_init(&w->go, 0, 0));
        MUST(sem_init(&w->done, 0, 0));
        nd_start(works, w);
    }
}

// ---- the driver's side ----
static void order(struct worker *w, enum what what, int fd) {
    w->what = what;
    w->fd = fd;
    w->timeout_ms = 20000;
    w->scope = 0;
    w->result = -2;
    w->error = w->empty = w->revents = 0;
    w->byte = 0;
    w->began = w->ended = 0;
    atomic_store(&w->begun, false);
    atomic_store(&w->ended_yet, false);
}
static void go(struct worker *w) { sem_post(&w->go); }
static void let_all(enum what what, int fd, int from, int to) {
    for (int i = from; i < to; i++) {
        order(&workers[i], what, fd);
        go(&workers[i]);
    }
}
static bool has_ended(const struct worker *w) { return atomic_load(&w->ended_yet); }
static void join(struct worker *w) {
    struct timespec bound;
    clock_gettime(CLOCK_REALTIME, &bound);
    bound.tv_sec += MISS / SEC;
    while (sem_timedwait(&w->done, &bound))
        if (errno == ETIMEDOUT)
            WRONG("a miss: thread %d (operation %d on %d, asleep: %c) does not end", (int)(w - workers), w->what, w->fd,
                  api_thread_state(atomic_load(&w->tid)));
}
// Asleep in its wait, that is in the kernel and not for a lock or its next order: the number of the system call says so.
static void until_asleep(const struct worker *w) {
    char path[64], text[32];
    while (!atomic_load(&w->begun)) nd_sleep(MS / 50);
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", atomic_load(&w->tid));
    for (int64_t end = nd_now() + MISS; !has_ended(w); nd_sleep(MS / 50)) {
        memset(text, 0, sizeof text);
        long file = nd_raw(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
        if (file < 0) FAIL("%s: %s", path, strerror((int)-file));
        nd_raw_read((int)file, text, sizeof text - 1);
        nd_raw_close((int)file);
        if (text[0] >= '0' && text[0] <= '9' && atoi(text) != SYS_futex) return;
        if (nd_now() > end) WRONG("thread %d does not wait: %s", (int)(w - workers), text);
    }
}
static void all_asleep(int from, int to) {
    for (int i = from; i < to; i++) until_asleep(&workers[i]);
}
// Before they run, while they begin, or when they wait.
static void some_phase(int from, int to) {
    switch (any(4)) {
    case 0: break;
    case 1: spin(up_to(100000)); break;
    case 2: nd_sleep(up_to(MS / 2)); break;
    default: all_asleep(from, to);
    }
}
// It failed, not before `when`, and was told so only then.
static void must_fail(struct worker *w, int error, int64_t when) {
    join(w);
    if (w->result != -1 || w->error != error)
        WRONG("thread %d: operation %d is %ld, errno %d (%s), bits %x, not %s, %.3f ms after its instant",
              (int)(w - workers), w->what, w->result, w->error, strerror(w->error), (unsigned)w->revents, strerror(error),
              (double)(w->ended - when) / 1e6);
    if (w->ended < when)
        WRONG("thread %d: operation %d ended early by %.3f ms", (int)(w - workers), w->what, (double)(when - w->ended) / 1e6);
    if (w->ended > when + MISS)
        WRONG("thread %d: operation %d ended late by %.3f ms", (int)(w - workers), w->what, (double)(w->ended - when) / 1e6);
    if (w->empty) WRONG("thread %d: told ready %d times before it was", (int)(w - workers), w->empty);
    if (w->began < when) saw(&waits, w->ended - when);
}
static void all_fail(int from, int to, int error, int64_t when) {
    for (int i = from; i < to; i++) must_fail(&workers[i], error, when);
}
static void must_wait(int from, int to, const char *why) {
    for (int i = from; i < to; i++)
        if (has_ended(&workers[i]))
            WRONG("thread %d: operation %d ended with %ld, errno %d (%s), bits %x: %s", i, workers[i].what,
                  workers[i].result, workers[i].error, strerror(workers[i].error), (unsigned)workers[i].revents, why);
}
// ---- bytes: each reader gets one, and all of them together get what was sent ----
static void send_bytes(int peer, char first, int count) {
    char bytes[WORKERS];
    for (int i = 0; i < count; i++) bytes[i] = (char)(first + i);
    if (api_is_stream(run.kind)) CHECK_EQ(nd_raw_write(peer, bytes, (size_t)count), count);
    else for (int i = 0; i < count; i++) CHECK_EQ(nd_raw_write(peer, bytes + i, 1), 1);
}
static void all_get(int from, int to, char first) {
    unsigned got = 0;
    for (int i = from; i < to; i++) {
        struct worker *w = &workers[i];
        join(w);
        if (w->result != 1)
            WRONG("thread %d: a read is %ld, errno %d (%s), bits %x, and not a byte", i, w->result, w->error,
                  strerror(w->error), (unsigned)w->revents);
        if (w->error != ND_ERRNO_BEFORE) WRONG("thread %d: a read that succeeded left errno %d", i, w->error);
        if (w->byte < first || w->byte >= first + (to - from)) WRONG("thread %d got byte %d", i, w->byte);
        got |= 1u << (w->byte - first);
    }
    if (got != (1u << (to - from)) - 1) WRONG("of %d bytes these were read: %x", to - from, got);
}
static struct nd_pair pair_for_way(struct nd_pair pair) {
    if (run.way != BLOCKING) nd_nonblocking(pair.client);
    return pair;
}
static struct nd_pair new_pair(void) { return pair_for_way(api_pair(run.kind)); }
static int crew(void) { return 4 + (int)any(WORKERS - 4 + 1); }
#endif
