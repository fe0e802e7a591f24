// One wait, made in each of the ways that a program can wait: a blocking call, poll, epoll (level and edge), and a loop of its own
// that tries again and again. How long it took, by the program's own clock.
//
// Not here: what the page should say of it (stats_page.h).
#ifndef STATS_WORK_H
#define STATS_WORK_H

#include "stats_page.h"
#include <sys/epoll.h>

enum st_way { ST_BLOCK, ST_POLL, ST_LEVEL, ST_EDGE, ST_LOOP, ST_WAYS };
static const char *const st_way_names[] = {"blocking", "poll", "level", "edge", "loop"};

static ND_UNUSED enum st_way st_way(void) {
    const char *said = getenv("WAY");
    for (int way = 0; said && way < ST_WAYS; way++)
        if (!strcmp(said, st_way_names[way])) return (enum st_way)way;
    FAIL("WAY=%s", said ? said : "");
}
// A socket and the way in which its program waits. An epoll way has a set of its own for each socket.
struct st_socket {
    enum st_way way;
    int fd, set, peer;
    uint32_t interest;
    // From connect's call to its answer.
    int64_t connected_in;
};
static ND_UNUSED bool st_epolls(enum st_way way) { return way == ST_LEVEL || way == ST_EDGE; }
// What it is interested in from now on: a level-triggered loop asks for room only while it needs some.
static ND_UNUSED void st_interest(struct st_socket *socket, uint32_t interest) {
    if (!st_epolls(socket->way) || socket->interest == interest) return;
    struct epoll_event event = {.events = interest | (socket->way == ST_EDGE ? (uint32_t)EPOLLET : 0)};
    MUST(epoll_ctl(socket->set, socket->interest ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket->fd, &event));
    socket->interest = interest;
}
// Waits until the kernel or the library says that there is something. False after 5 s: a test that hangs fails.
static ND_UNUSED void st_wait(struct st_socket *socket, short events) {
    int ready = 1;
    if (socket->way == ST_LOOP) {
        nd_sleep(2 * MS);
    } else if (socket->way == ST_POLL) {
        struct pollfd entry = {.fd = socket->fd, .events = events};
        ready = MUST(poll(&entry, 1, 5000));
    } else if (st_epolls(socket->way)) {
        struct epoll_event event;
        if (socket->way == ST_LEVEL) st_interest(socket, (uint32_t)events);
        ready = MUST(epoll_wait(socket->set, &event, 1, 5000));
    }
    if (!ready) FAIL("nothing in 5 s");
}

// A socket connected to `to`; what connect said at last is in errno's place: 0 or an errno. `peer` is not accepted here.
static ND_UNUSED int st_dial(struct st_socket *socket_, enum st_way way, const void *to, socklen_t size) {
    const struct sockaddr *address = to;
    int type = SOCK_STREAM | SOCK_CLOEXEC | (way == ST_BLOCK ? 0 : SOCK_NONBLOCK);
    *socket_ = (struct st_socket){.way = way, .fd = MUST(socket(address->sa_family, type, 0)), .set = -1, .peer = -1};
    if (st_epolls(way)) socket_->set = MUST(epoll_create1(EPOLL_CLOEXEC));
    int64_t start = nd_now();
    int failed = connect(socket_->fd, address, size) ? errno : 0;
    if (failed == EINPROGRESS && way == ST_LOOP) {
        // hiredis asks in this way.
        do {
            nd_sleep(2 * MS);
            failed = connect(socket_->fd, address, size) ? errno : 0;
        } while (failed == EALREADY || failed == EINPROGRESS);
        if (failed == EISCONN) failed = 0;
    } else if (failed == EINPROGRESS) {
        socklen_t length = sizeof failed;
        if (st_epolls(way)) st_interest(socket_, way == ST_EDGE ? EPOLLIN | EPOLLOUT : EPOLLOUT);
        st_wait(socket_, POLLOUT);
        MUST(getsockopt(socket_->fd, SOL_SOCKET, SO_ERROR, &failed, &length));
    }
    socket_->connected_in = nd_now() - start;
    if (!failed) st_interest(socket_, way == ST_EDGE ? EPOLLIN | EPOLLOUT : EPOLLIN);
    return failed;
}
// The same with its other end, which no library saw.
static ND_UNUSED void st_connect(struct st_socket *socket, enum st_way way, int listener, const struct sockaddr_in *to) {
    int failed = st_dial(socket, way, to, sizeof *to);
    if (failed) FAIL("connect: %s", strerror(failed));
    socket->peer = nd_raw_accept(listener);
}
static ND_UNUSED void st_close(struct st_socket *socket) {
    MUST(close(socket->fd));
    if (socket->set >= 0) close(socket->set);
    if (socket->peer >= 0) nd_raw_close(socket->peer);
}
// Things that a peer does later: the end of its stream.
struct st_end {
    int fd;
    int64_t after;
    struct nd_thread thread;
};
static ND_UNUSED void *st_end_body(void *argument) {
    struct st_end *end = argument;
    nd_sleep(end->after);
    nd_raw(SYS_shutdown, end->fd, SHUT_WR, 0, 0, 0, 0);
    return NULL;
}
static ND_UNUSED void st_end_later(struct st_end *end, int peer, int64_t after) {
    *end = (struct st_end){.fd = peer, .after = after};
    end->thread = nd_start(st_end_body, end);
}
// Reads one byte, however long that takes: how many came, or -errno.
static ND_UNUSED int st_read(struct st_socket *socket) {
    char byte;
    for (;;) {
        // A loop that registered waits before it tries, one that is told of edges tries first.
        if (socket->way == ST_LEVEL || socket->way == ST_POLL) st_wait(socket, POLLIN);
        ssize_t got = read(socket->fd, &byte, 1);
        if (got >= 0) return (int)got;
        if (errno != EAGAIN) return -errno;
        if (socket->way == ST_EDGE || socket->way == ST_LOOP) st_wait(socket, POLLIN);
    }
}
// Writes this much, however long that takes: how many bytes went, or -errno.
static ND_UNUSED long st_write(struct st_socket *socket, const void *data, size_t size) {
    for (;;) {
        ssize_t went = write(socket->fd, data, size);
        if (went >= 0) return (long)went;
        if (errno != EAGAIN) return -errno;
        st_wait(socket, POLLOUT);
    }
}
#endif
