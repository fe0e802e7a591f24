// Sockets that do not block, of three families, and waits on one of them in threads of their own: alone, last among many in
// poll's array, in select, in an epoll set.
//
// Not here: one wait's seven ways (nb_wait.h), nor the ways a test is run (api.h).
#ifndef APIN_WAIT_H
#define APIN_WAIT_H

#include "api.h"
// The seven waits, by the names that obey in this way of being run.
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/timerfd.h>
#define poll io_poll
#define close io_close
#define connect io_connect
#include "nb_wait.h"
#undef poll
#undef close
#undef connect

// ---- sockets ----
// The kind goes to stderr: the last one said is the guilty one.
#define APIN_EACH_KIND(kind)                                                                                           \
    for (enum api_kind kind = API_TCP; kind < API_KINDS && apin_say(api_kinds[kind]); kind++)
static ND_UNUSED bool apin_say(const char *what) {
    fprintf(stderr, "%s\n", what);
    return true;
}
// A connected pair whose client does not block.
static ND_UNUSED struct nd_pair apin_pair(enum api_kind kind) {
    struct nd_pair pair = api_pair(kind);
    nd_nonblocking(pair.client);
    return pair;
}
// The same with no room for a byte. TCP takes half a second (nd_zero_window).
static ND_UNUSED struct nd_pair apin_full_pair(enum api_kind kind) {
    struct nd_pair pair = api_full_pair(kind);
    nd_nonblocking(pair.client);
    return pair;
}
// The peer's bytes, there when this returns.
static ND_UNUSED void apin_arrive(const struct nd_pair *pair, const char *data, size_t size) {
    struct pollfd entry = {.fd = pair->client, .events = POLLIN};
    struct timespec bound = {.tv_sec = 3};
    CHECK_EQ(nd_raw_write(pair->peer, data, size), (long)size);
    CHECK_EQ(nd_raw(SYS_ppoll, (long)&entry, 1, (long)&bound, 0, 8, 0), 1);
}
// What is there is exactly `data`, and then no more.
static ND_UNUSED void apin_read_all(int fd, const char *data, size_t size) {
    char got[256];
    size_t count = 0;
    while (count < size) {
        ssize_t more = io_read(fd, got + count, sizeof got - count);
        if (more <= 0) FAIL("%zu of %zu bytes, then %zd: %s", count, size, more, strerror(errno));
        count += (size_t)more;
    }
    CHECK_EQ(count, size);
    CHECK(!memcmp(got, data, size));
    CHECK_ERRNO(io_read(fd, got, 1), EAGAIN);
}

// A connect that a deadline ended: its error is ETIMEDOUT, once. Where getsockopt is not the library's, the next call says it.
static ND_UNUSED void apin_connect_timed_out(int fd) {
#if API_INTERPOSED
    CHECK_EQ(nb_so_error(fd), ETIMEDOUT);
    CHECK_EQ(nb_so_error(fd), 0);
#else
    CHECK_ERRNO(io_write(fd, "x", 1), ETIMEDOUT);
#endif
    CHECK(nd_tcp_state(fd) != TCP_SYN_SENT);
}

// ---- sleepers: threads in a wait ----
// `count` sockets in poll's array (the one that matters is the last); the rest never have anything.
struct apin_sleeper {
    enum nb_way way;
    int count, timeout;
    int fd;
    short events;
    int result;    // poll's bits, 0 at the timeout, -errno
    int64_t began, ended;
    struct nb_waiter waiter;
    struct pollfd *array;
    struct nd_thread thread;
    atomic_int tid;
};
#define APIN_CROWD 200
static int apin_idle[APIN_CROWD];
static ND_UNUSED void apin_make_idle(void) {
    for (int i = 0; i < APIN_CROWD; i += 2) {
        if (apin_idle[i]) return;
        MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, &apin_idle[i]));
    }
}
static void *apin_sleep(void *argument) {
    struct apin_sleeper *sleeper = argument;
    atomic_store(&sleeper->tid, (int)syscall(SYS_gettid));
    sleeper->began = nd_now();
    if (sleeper->count == 1) {
        sleeper->result = nb_wait(&sleeper->waiter, sleeper->timeout);
    } else {
        int ready = io_poll(sleeper->array, (nfds_t)sleeper->count, sleeper->timeout);
        sleeper->result = ready < 0 ? -errno : sleeper->array[sleeper->count - 1].revents;
        if (ready >= 0 && ready != (sleeper->result != 0)) FAIL("%d of %d sockets are ready", ready, sleeper->count);
    }
    sleeper->ended = nd_now();
    return NULL;
}
// All but the thread, which apin_launch starts.
static ND_UNUSED void apin_prepare(struct apin_sleeper *sleeper, enum nb_way way, int count, int fd, short events,
                                   int timeout) {
    memset(sleeper, 0, sizeof *sleeper);
    sleeper->way = way;
    sleeper->count = count;
    sleeper->timeout = timeout;
    sleeper->fd = fd;
    sleeper->events = events;
    sleeper->waiter.set = -1;
    if (count == 1) {
        sleeper->waiter = nb_waiter(way, fd, events);
    } else {
        apin_make_idle();
        sleeper->array = calloc((size_t)count, sizeof *sleeper->array);
        CHECK(sleeper->array);
        for (int i = 0; i < count - 1; i++) sleeper->array[i] = (struct pollfd){.fd = apin_idle[i], .events = POLLIN};
        sleeper->array[count - 1] = (struct pollfd){.fd = fd, .events = events};
    }
}
static ND_UNUSED void apin_launch(struct apin_sleeper *sleeper) { sleeper->thread = nd_start(apin_sleep, sleeper); }
static ND_UNUSED void apin_start(struct apin_sleeper *sleeper, enum nb_way way, int count, int fd, short events,
                                 int timeout) {
    apin_prepare(sleeper, way, count, fd, events, timeout);
    apin_launch(sleeper);
}
// Returns when all of them wait in the kernel.
static ND_UNUSED void apin_asleep(struct apin_sleeper *sleepers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        while (!atomic_load(&sleepers[i].tid)) nd_sleep(MS / 10);
        api_until_asleep(atomic_load(&sleepers[i].tid));
    }
}
static ND_UNUSED void apin_end(struct apin_sleeper *sleeper) {
    nd_join(sleeper->thread, 15 * SEC);
    nb_done(&sleeper->waiter);
    free(sleeper->array);
}
// The wait ended at `when`, with these bits.
#define CHECK_WOKEN(sleeper, bits, when)                                                                               \
    do {                                                                                                               \
        const struct apin_sleeper *nd_one = (sleeper);                                                                 \
        int64_t nd_when = (when), nd_over = nd_one->ended - nd_when;                                                   \
        const char *nd_way = nb_names[nd_one->way];                                                                    \
        if (nd_one->result != (bits))                                                                                  \
            FAIL("%s of %d: 0x%x, not 0x%x, after %.3f ms", nd_way, nd_one->count, (unsigned)nd_one->result,           \
                 (unsigned)(bits), (double)(nd_one->ended - nd_one->began) / 1e6);                                     \
        if (nd_over < 0) FAIL("%s of %d: early by %.3f ms", nd_way, nd_one->count, (double)-nd_over / 1e6);            \
        if (nd_over > ND_LATE) FAIL("%s of %d: late by %.3f ms", nd_way, nd_one->count, (double)nd_over / 1e6);        \
    } while (0)

// Every kind of wait there is to wake, each on a socket of its own.
struct apin_wait {
    enum nb_way way;
    int count;
};
static ND_UNUSED const struct apin_wait apin_waits[] = {
    {NB_POLL, 1},    {NB_POLL, 5},       {NB_POLL, 63},      {NB_POLL, 200},       {NB_PPOLL, 1},
    {NB_SELECT, 1},  {NB_PSELECT, 1},    {NB_EPOLL_WAIT, 1}, {NB_EPOLL_PWAIT, 1},  {NB_EPOLL_PWAIT2, 1},
};
// Through nd_ names there is nothing but nd_poll.
#define APIN_WAITS (API_INTERPOSED ? sizeof apin_waits / sizeof *apin_waits : (size_t)4)
#define APIN_MAX_WAITS (sizeof apin_waits / sizeof *apin_waits)
#define APIN_EACH_WAY(way) NB_EACH_WAY(way) if (API_INTERPOSED || way == NB_POLL)

#endif
