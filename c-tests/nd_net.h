// Sockets and peers of every kind a deadline is for: connected pairs, a black hole, silent, dripping and full peers.
//
// Included by nd_test.h. What a peer does goes through raw system calls, so that a policy of the test never applies to
// the peer, even where it lives in the same process.
#ifndef ND_NET_H
#define ND_NET_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

static ND_UNUSED long nd_raw_close(int fd) { return nd_raw(SYS_close, fd, 0, 0, 0, 0, 0); }
static ND_UNUSED long nd_raw_write(int fd, const void *data, size_t size) {
    return nd_raw(SYS_write, fd, (long)data, (long)size, 0, 0, 0);
}
static ND_UNUSED long nd_raw_read(int fd, void *data, size_t size) {
    return nd_raw(SYS_read, fd, (long)data, (long)size, 0, 0, 0);
}
static ND_UNUSED int nd_raw_getsockopt(int fd, int level, int name, void *value, socklen_t size) {
    return (int)nd_raw(SYS_getsockopt, fd, level, name, (long)value, (long)&size, 0);
}
static ND_UNUSED int nd_tcp_state(int fd) {
    struct tcp_info info;
    memset(&info, 0, sizeof info);
    int failed = nd_raw_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, sizeof info);
    return failed < 0 ? failed : info.tcpi_state;
}
// Milliseconds of SO_RCVTIMEO or SO_SNDTIMEO as the kernel has it.
static ND_UNUSED long nd_kernel_timeout_ms(int fd, int name) {
    struct timeval value = {0};
    int failed = nd_raw_getsockopt(fd, SOL_SOCKET, name, &value, sizeof value);
    return failed < 0 ? failed : value.tv_sec * 1000 + value.tv_usec / 1000;
}
static ND_UNUSED void nd_set_timeout(int fd, int name, int64_t ns) {
    struct timeval value = {.tv_sec = (time_t)(ns / SEC), .tv_usec = (suseconds_t)(ns % SEC / 1000)};
    MUST(setsockopt(fd, SOL_SOCKET, name, &value, sizeof value));
}
static ND_UNUSED void nd_nonblocking(int fd) { MUST(fcntl(fd, F_SETFL, MUST(fcntl(fd, F_GETFL)) | O_NONBLOCK)); }

// A listener on 127.0.0.1; its address comes back in `at`.
static ND_UNUSED int nd_listener(int backlog, struct sockaddr_in *at) {
    socklen_t size = sizeof *at;
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    memset(at, 0, sizeof *at);
    at->sin_family = AF_INET;
    at->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    MUST(bind(fd, (struct sockaddr *)at, sizeof *at));
    MUST(getsockname(fd, (struct sockaddr *)at, &size));
    MUST(listen(fd, backlog));
    return fd;
}
static ND_UNUSED int nd_connect(const struct sockaddr_in *to) {
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    MUST(connect(fd, (const struct sockaddr *)to, sizeof *to));
    return fd;
}
static ND_UNUSED int nd_raw_accept(int listener) {
    long fd = nd_raw(SYS_accept4, listener, 0, 0, SOCK_CLOEXEC, 0, 0);
    if (fd < 0) FAIL("accept4: %s", strerror((int)-fd));
    return (int)fd;
}

// A connected TCP pair on loopback: `client` came from connect() (under policy `to`), `peer` from an accept that no
// preload saw.
struct nd_pair {
    int client, peer;
    struct sockaddr_in at;
};
static ND_UNUSED struct nd_pair nd_tcp_pair(void) {
    struct nd_pair pair;
    int listener = nd_listener(8, &pair.at);
    pair.client = nd_connect(&pair.at);
    pair.peer = nd_raw_accept(listener);
    nd_raw_close(listener);
    return pair;
}
static ND_UNUSED void nd_pair_close(struct nd_pair *pair) {
    close(pair->client);
    nd_raw_close(pair->peer);
}
// Gives both ends small buffers (before much was sent), so that a window closes after little data. Not smaller than the
// 64 KiB segments of loopback allow: below that the window opens again only by the sender's probes, seconds later.
static ND_UNUSED void nd_small_buffers(struct nd_pair *pair) {
    int size = 32768, on = 1;
    nd_raw(SYS_setsockopt, pair->client, SOL_SOCKET, SO_SNDBUF, (long)&size, sizeof size, 0);
    nd_raw(SYS_setsockopt, pair->peer, SOL_SOCKET, SO_RCVBUF, (long)&size, sizeof size, 0);
    // A delayed acknowledgement would make room 40 ms after everything looked full.
    nd_raw(SYS_setsockopt, pair->peer, IPPROTO_TCP, TCP_QUICKACK, (long)&on, sizeof on, 0);
}
// Sends (unseen by a preload) until there is no room for a byte: the peer's window is shut and the send buffer full. A
// delayed acknowledgement (40 ms) and the first retransmission (200 ms) make room once more, hence the long silence; later
// probes do not.
static ND_UNUSED void nd_fill_all(const int *fds, size_t count) {
    static char block[65536];
    int64_t last = nd_now(), end = last + 10 * SEC;
    while (nd_now() - last < 400 * MS) {
        for (size_t i = 0; i < count; i++) {
            long sent = nd_raw(SYS_sendto, fds[i], (long)block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
            // A byte may still fit into the last segment where a block does not.
            if (sent == -EAGAIN) sent = nd_raw(SYS_sendto, fds[i], (long)block, 1, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
            if (sent > 0) last = nd_now();
            if (sent < 0 && sent != -EAGAIN) FAIL("fill: %s", strerror((int)-sent));
        }
        nd_sleep(1 * MS);
        if (nd_now() > end) FAIL("the peer's window did not shut");
    }
}
static ND_UNUSED void nd_fill(int fd) { nd_fill_all(&fd, 1); }
// Pairs whose client cannot write one byte more: nobody reads at the peer.
static ND_UNUSED void nd_zero_windows(struct nd_pair *pairs, size_t count) {
    int fds[64];
    if (count > 64) FAIL("%zu pairs are too many", count);
    for (size_t i = 0; i < count; i++) {
        pairs[i] = nd_tcp_pair();
        nd_small_buffers(&pairs[i]);
        fds[i] = pairs[i].client;
    }
    nd_fill_all(fds, count);
}
static ND_UNUSED struct nd_pair nd_zero_window(void) {
    struct nd_pair pair;
    nd_zero_windows(&pair, 1);
    return pair;
}
// Reads everything that is there, unseen by a preload; how many bytes.
static ND_UNUSED long nd_drain(int fd) {
    static char block[65536];
    long total = 0, got;
    while ((got = nd_raw(SYS_recvfrom, fd, (long)block, sizeof block, MSG_DONTWAIT, 0, 0)) > 0) total += got;
    return total;
}

// A black hole that needs no root: a listener with a full queue drops every SYN.
struct nd_hole {
    int listener;
    int fillers[64];
    int count;
    struct sockaddr_in at;
};
static ND_UNUSED struct nd_hole nd_black_hole(void) {
    struct nd_hole hole = {.listener = -1};
    hole.listener = nd_listener(0, &hole.at);
    for (hole.count = 0; hole.count < 64;) {
        long fd = nd_raw(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, 0, 0, 0);
        if (fd < 0) FAIL("socket: %s", strerror((int)-fd));
        nd_raw(SYS_connect, fd, (long)&hole.at, sizeof hole.at, 0, 0, 0);
        hole.fillers[hole.count++] = (int)fd;
        int64_t end = nd_now() + 200 * MS;
        while (nd_tcp_state((int)fd) == TCP_SYN_SENT && nd_now() < end) nd_sleep(1 * MS);
        if (nd_tcp_state((int)fd) == TCP_SYN_SENT) {
            // This one proved the queue full; it goes, so that it cannot take a place later.
            nd_raw_close((int)fd);
            hole.count--;
            return hole;
        }
    }
    FAIL("the queue of a listener did not fill");
}
// Makes room: from now on the listener answers. The fillers are accepted and closed.
static ND_UNUSED void nd_open_hole(struct nd_hole *hole) {
    MUST(-nd_raw(SYS_listen, hole->listener, 64, 0, 0, 0, 0));
    while (hole->count > 0) {
        nd_raw_close(nd_raw_accept(hole->listener));
        nd_raw_close(hole->fillers[--hole->count]);
    }
}
// Does anybody get into the listener's queue within `bound`?
static ND_UNUSED bool nd_somebody_connects(int listener, int64_t bound) {
    struct timespec wait = {.tv_sec = (time_t)(bound / SEC), .tv_nsec = (long)(bound % SEC)};
    struct pollfd entry = {.fd = listener, .events = POLLIN};
    return nd_raw(SYS_ppoll, (long)&entry, 1, (long)&wait, 0, 8, 0) > 0;
}

// Things that happen later, on a thread of their own, unseen by a preload.
struct nd_later {
    int fd;
    int64_t after, every;
    int times;
    const void *data;
    size_t size;
    struct nd_thread thread;
};
static ND_UNUSED void *nd_later_body(void *argument) {
    struct nd_later *later = argument;
    nd_sleep(later->after);
    for (int i = 0; i < later->times; i++) {
        if (i) nd_sleep(later->every);
        // The reader may have gone: that is not this thread's business.
        if (nd_raw(SYS_sendto, later->fd, (long)later->data, (long)later->size, MSG_NOSIGNAL, 0, 0) < 0) break;
    }
    return NULL;
}
// The peer sends `data` after `after`.
static ND_UNUSED void nd_send_later(struct nd_later *later, int peer, int64_t after, const void *data, size_t size) {
    *later = (struct nd_later){.fd = peer, .after = after, .times = 1, .data = data, .size = size};
    later->thread = nd_start(nd_later_body, later);
}
// The peer sends one byte `times` times, `every` apart.
static ND_UNUSED void nd_drip(struct nd_later *later, int peer, int64_t every, int times) {
    *later = (struct nd_later){.fd = peer, .after = every, .every = every, .times = times, .data = "d", .size = 1};
    later->thread = nd_start(nd_later_body, later);
}
static ND_UNUSED void nd_later_join(struct nd_later *later) { nd_join(later->thread, 20 * SEC); }

// A connected unix pair by name (socketpair has no names, a rule `to unix:` needs one).
static ND_UNUSED socklen_t nd_unix_address(struct sockaddr_un *at, const char *path) {
    memset(at, 0, sizeof *at);
    at->sun_family = AF_UNIX;
    snprintf(at->sun_path, sizeof at->sun_path, "%s", path);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(at->sun_path) + 1);
}
static ND_UNUSED int nd_unix_listener(const char *path, int backlog) {
    struct sockaddr_un at;
    socklen_t size = nd_unix_address(&at, path);
    int fd = MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    unlink(path);
    MUST(bind(fd, (struct sockaddr *)&at, size));
    MUST(listen(fd, backlog));
    return fd;
}
static ND_UNUSED struct nd_pair nd_unix_pair(const char *path) {
    struct nd_pair pair = {0};
    struct sockaddr_un at;
    int listener = nd_unix_listener(path, 4);
    socklen_t size = nd_unix_address(&at, path);
    pair.client = MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    MUST(connect(pair.client, (struct sockaddr *)&at, size));
    pair.peer = nd_raw_accept(listener);
    nd_raw_close(listener);
    return pair;
}
#endif
