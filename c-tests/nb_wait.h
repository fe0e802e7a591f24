// One wait, seven ways: what holds for poll must hold for ppoll, select, pselect and the three epoll waits.
//
// Not here: sockets (nd_net.h), and epoll's own modes, which the epoll_ tests spell out.
#ifndef NB_WAIT_H
#define NB_WAIT_H

#include "nd_test.h"
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/timerfd.h>

#ifndef __GLIBC__
// musl has no such function; a program there asks through syscall().
static ND_UNUSED int epoll_pwait2(int set, struct epoll_event *events, int room, const struct timespec *timeout,
                                  const sigset_t *mask) {
    return (int)syscall(SYS_epoll_pwait2, set, events, room, timeout, mask, (long)8);
}
#endif

enum nb_way { NB_POLL, NB_PPOLL, NB_SELECT, NB_PSELECT, NB_EPOLL_WAIT, NB_EPOLL_PWAIT, NB_EPOLL_PWAIT2, NB_WAYS };
static const char *const nb_names[] = {"poll",       "ppoll",       "select",      "pselect",
                                       "epoll_wait", "epoll_pwait", "epoll_pwait2"};

// The next way at or after `way`; with WAY=name in the environment only that one. The name goes to stderr, which the
// runner shows when the test fails: the last one is the guilty one.
static ND_UNUSED enum nb_way nb_step(enum nb_way way) {
    const char *only = getenv("WAY");
    while (way < NB_WAYS && only && strcmp(only, nb_names[way])) way++;
    if (way < NB_WAYS) fprintf(stderr, "way: %s\n", nb_names[way]);
    return way;
}
#define NB_EACH_WAY(way) for (enum nb_way way = nb_step(NB_POLL); way < NB_WAYS; way = nb_step(way + 1))
#define NB_EACH_EPOLL(way) for (enum nb_way way = nb_step(NB_EPOLL_WAIT); way < NB_WAYS; way = nb_step(way + 1))

static ND_UNUSED bool nb_is_epoll(enum nb_way way) { return way >= NB_EPOLL_WAIT; }
static ND_UNUSED bool nb_is_select(enum nb_way way) { return way == NB_SELECT || way == NB_PSELECT; }

static ND_UNUSED struct timespec *nb_timespec(struct timespec *room, int timeout) {
    if (timeout < 0) return NULL;
    *room = (struct timespec){.tv_sec = timeout / 1000, .tv_nsec = timeout % 1000 * 1000000L};
    return room;
}

static ND_UNUSED int nb_epoll(enum nb_way way, int set, struct epoll_event *events, int room, int timeout) {
    struct timespec at;
    if (way == NB_EPOLL_WAIT) return epoll_wait(set, events, room, timeout);
    if (way == NB_EPOLL_PWAIT) return epoll_pwait(set, events, room, timeout, NULL);
    return epoll_pwait2(set, events, room, nb_timespec(&at, timeout), NULL);
}

static ND_UNUSED void nb_add(int set, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.u64 = UINT64_C(0xfeed00000000) + (uint32_t)fd};
    MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
}
static ND_UNUSED void nb_mod(int set, int fd, uint32_t events) {
    struct epoll_event event = {.events = events, .data.u64 = UINT64_C(0xfeed00000000) + (uint32_t)fd};
    MUST(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
}
// The fd of an event whose registration was made by nb_add or nb_mod; any other event fails the test.
static ND_UNUSED int nb_event_fd(const struct epoll_event *event) {
    uint64_t tag = event->data.u64;
    if (tag >> 32 != 0xfeed) FAIL("an event nobody registered: events 0x%x data 0x%llx", event->events, (long long)tag);
    return (int)(uint32_t)tag;
}
static ND_UNUSED int nb_set(void) { return MUST(epoll_create1(EPOLL_CLOEXEC)); }
// Waits in a set for one event: its bits, 0 at the timeout. `*fd` is whose event it was.
static ND_UNUSED int nb_one(int set, int timeout, int *fd) {
    struct epoll_event event = {0};
    if (fd) *fd = -1;
    int ready = epoll_wait(set, &event, 1, timeout);
    if (ready < 0) return -errno;
    if (!ready) return 0;
    CHECK_EQ(ready, 1);
    int whose = nb_event_fd(&event);
    if (fd) *fd = whose;
    return (int)event.events;
}

// One fd and the interest in it. The epoll ways register here.
struct nb_waiter {
    enum nb_way way;
    int fd;
    short events;
    int set;
};
static ND_UNUSED struct nb_waiter nb_waiter(enum nb_way way, int fd, short events) {
    struct nb_waiter waiter = {.way = way, .fd = fd, .events = events, .set = -1};
    if (nb_is_epoll(way)) {
        waiter.set = nb_set();
        nb_add(waiter.set, fd, (uint32_t)events);
    }
    return waiter;
}
static ND_UNUSED void nb_done(struct nb_waiter *waiter) {
    if (waiter->set >= 0) close(waiter->set);
    waiter->set = -1;
}
// What became ready, in poll's bits (select has no ERR and HUP); 0 at the timeout; -errno.
static ND_UNUSED int nb_wait(struct nb_waiter *waiter, int timeout) {
    struct timespec at;
    if (nb_is_epoll(waiter->way)) {
        struct epoll_event event = {0};
        int ready = nb_epoll(waiter->way, waiter->set, &event, 1, timeout);
        if (ready < 0) return -errno;
        if (!ready) return 0;
        CHECK_EQ(ready, 1);
        CHECK_EQ(nb_event_fd(&event), waiter->fd);
        return (int)event.events;
    }
    if (nb_is_select(waiter->way)) {
        fd_set in, out;
        struct timeval left = {.tv_sec = timeout / 1000, .tv_usec = timeout % 1000 * 1000L};
        FD_ZERO(&in);
        FD_ZERO(&out);
        if (waiter->events & POLLIN) FD_SET(waiter->fd, &in);
        if (waiter->events & POLLOUT) FD_SET(waiter->fd, &out);
        int ready = waiter->way == NB_SELECT
                        ? select(waiter->fd + 1, &in, &out, NULL, timeout < 0 ? NULL : &left)
                        : pselect(waiter->fd + 1, &in, &out, NULL, nb_timespec(&at, timeout), NULL);
        if (ready < 0) return -errno;
        int bits = (FD_ISSET(waiter->fd, &in) ? POLLIN : 0) | (FD_ISSET(waiter->fd, &out) ? POLLOUT : 0);
        CHECK_EQ(ready, __builtin_popcount((unsigned)bits));
        return bits;
    }
    struct pollfd entry = {.fd = waiter->fd, .events = waiter->events};
    int ready = waiter->way == NB_POLL ? poll(&entry, 1, timeout) : ppoll(&entry, 1, nb_timespec(&at, timeout), NULL);
    if (ready < 0) return -errno;
    CHECK_EQ(ready, entry.revents != 0);
    return entry.revents;
}
// Nothing at all for `timeout` ms, and the wait took them.
#define CHECK_QUIET(waiter, timeout)                                                                                   \
    do {                                                                                                               \
        int64_t nb_start = nd_now();                                                                                   \
        CHECK_EQ(nb_wait((waiter), (timeout)), 0);                                                                     \
        CHECK_ENDED_AT(nb_start, (timeout) * MS);                                                                      \
    } while (0)

// A connected pair whose client does not block.
static ND_UNUSED struct nd_pair nb_pair(void) {
    struct nd_pair pair = nd_tcp_pair();
    nd_nonblocking(pair.client);
    return pair;
}
// The same, with no room for a byte.
static ND_UNUSED struct nd_pair nb_full_pair(void) {
    struct nd_pair pair = nd_zero_window();
    nd_nonblocking(pair.client);
    return pair;
}
// A connect to `to` that has begun.
static ND_UNUSED int nb_connecting(const struct sockaddr_in *to) {
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    CHECK_ERRNO(connect(fd, (const struct sockaddr *)to, sizeof *to), EINPROGRESS);
    return fd;
}
static ND_UNUSED int nb_so_error(int fd) {
    int error = -1;
    socklen_t size = sizeof error;
    MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    CHECK_EQ(size, sizeof error);
    return error;
}
// A peer's byte, there when this returns.
static ND_UNUSED void nb_send_now(int peer, int fd) {
    int there = 0;
    int64_t end = nd_now() + 3 * SEC;
    CHECK_EQ(nd_raw_write(peer, "x", 1), 1);
    while (there < 1 && nd_now() < end) nd_raw(SYS_ioctl, fd, FIONREAD, (long)&there, 0, 0, 0);
    CHECK(there >= 1);
}
// How many of this process's fds are timerfds; the number of the last one in `*fd`.
static ND_UNUSED int nb_timerfds(int *fd) {
    int count = 0;
    for (int i = 3; i < 70000; i++) {
        char link[64], text[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", i);
        ssize_t size = readlink(link, text, sizeof text - 1);
        if (size < 0) continue;
        text[size] = 0;
        if (strcmp(text, "anon_inode:[timerfd]")) continue;
        count++;
        if (fd) *fd = i;
    }
    return count;
}
#endif
