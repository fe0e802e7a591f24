// The calls that wait (waiting.h).
#include "waiting.h"

#include "case.h"
#include "door.h"
#include "io.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

const char *const wait_name[WAITS] = {
    "read", "readv", "recv", "recvfrom", "recvmsg", "recvmmsg", "write", "writev", "send", "sendto", "sendmsg", "sendmmsg",
    "sendfile", "splice", "accept", "accept4", "connect", "poll", "ppoll", "select", "pselect", "epoll_wait", "epoll_pwait",
    "epoll_pwait2"};
enum { SMALL = 1000 };
static char bytes[SMALL];

int waits_for_input(enum wait wait) { return wait <= W_RECVMMSG || wait >= W_POLL; }
int is_poll(enum wait wait) { return wait >= W_POLL; }

int has_wait(enum wait wait, enum kind kind) {
    if (wait == W_ACCEPT || wait == W_ACCEPT4) {
        return !is_datagram(kind) && kind != TCP4_ACCEPTED;
    }
    if (wait == W_CONNECT) {
        return kind == UNIX_PATH;
    }
    // Loopback's datagrams never wait for room: what has none is dropped. A pipe is spliced into streams.
    int unlimited = kind == UDP4 || kind == UDP6;
    return waits_for_input(wait) || (wait >= W_SENDFILE ? is_stream(kind) : !unlimited);
}

int settles_in(enum wait wait) { return wait == W_SENDFILE || wait == W_SPLICE ? 25 : 0; }

struct waiting prepare(enum wait wait, enum kind kind) {
    struct waiting w = {.wait = wait, .kind = kind, .fd = -1, .peer = -1, .set = -1, .text = -1};
    if (wait == W_ACCEPT || wait == W_ACCEPT4) {
        w.fd = listening(kind, BLOCKING, 2, &w.place);
        return w;
    }
    if (wait == W_CONNECT) {
        w.peer = listening(kind, BLOCKING, 0, &w.place);
        dialled(kind, &w.place);
        w.fd = lone(kind, BLOCKING);
        return w;
    }
    struct two pair = two(kind, BLOCKING);
    w.fd = pair.here;
    w.peer = pair.there;
    if (!waits_for_input(wait)) {
        int least = 1;
        setsockopt(w.fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
        fill(w.fd, w.peer);
    }
    if (wait == W_SENDFILE) {
        w.text = file_with("abc");
    } else if (wait == W_SPLICE) {
        int ends[2];
        NEED(pipe(ends) == 0 && write(ends[1], "abc", 3) == 3);
        w.text = ends[0];
    } else if (wait >= W_EPOLL_WAIT) {
        struct epoll_event event = {.events = EPOLLIN};
        w.set = epoll_create1(0);
        NEED(call->epoll_ctl(w.set, EPOLL_CTL_ADD, w.fd, &event) == 0);
    }
    return w;
}

long begin(const struct waiting *w) {
    struct iovec piece = {bytes, 3};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}};
    struct pollfd one = {w->fd, POLLIN, 0};
    struct epoll_event events[4];
    fd_set in;
    FD_ZERO(&in);
    if (w->fd >= 0 && w->fd < FD_SETSIZE) {
        FD_SET(w->fd, &in);
    }
    switch (w->wait) {
        case W_READ: return call->read(w->fd, bytes, 3);
        case W_READV: return call->readv(w->fd, &piece, 1);
        case W_RECV: return call->recv(w->fd, bytes, 3, 0);
        case W_RECVFROM: return call->recvfrom(w->fd, bytes, 3, 0, NULL, NULL);
        case W_RECVMSG: return call->recvmsg(w->fd, &message.msg_hdr, 0);
        case W_RECVMMSG: return call->recvmmsg(w->fd, &message, 1, 0, NULL);
        case W_WRITE: return call->write(w->fd, bytes, 3);
        case W_WRITEV: return call->writev(w->fd, &piece, 1);
        case W_SEND: return call->send(w->fd, bytes, 3, 0);
        case W_SENDTO: return call->sendto(w->fd, bytes, 3, 0, NULL, 0);
        case W_SENDMSG: return call->sendmsg(w->fd, &message.msg_hdr, 0);
        case W_SENDMMSG: return call->sendmmsg(w->fd, &message, 1, 0);
        case W_SENDFILE: return call->sendfile(w->fd, w->text, NULL, 3);
        case W_SPLICE: return call->splice(w->text, NULL, w->fd, NULL, 3, 0);
        // The new number is no part of the answer.
        case W_ACCEPT: return call->accept(w->fd, NULL, NULL) < 0 ? -1 : 1;
        case W_ACCEPT4: return call->accept4(w->fd, NULL, NULL, SOCK_CLOEXEC) < 0 ? -1 : 1;
        case W_CONNECT: return call->connect(w->fd, &w->place.at, w->place.length);
        case W_POLL: return call->poll(&one, 1, -1);
        case W_PPOLL: return call->ppoll(&one, 1, NULL, NULL);
        case W_SELECT: return call->select(w->fd + 1, &in, NULL, NULL, NULL);
        case W_PSELECT: return call->pselect(w->fd + 1, &in, NULL, NULL, NULL, NULL);
        case W_EPOLL_WAIT: return call->epoll_wait(w->set, events, 4, -1);
        case W_EPOLL_PWAIT: return call->epoll_pwait(w->set, events, 4, -1, NULL);
        default: return call->epoll_pwait2(w->set, events, 4, NULL, NULL);
    }
}

void finish(void *waiting) {
    const struct waiting *w = waiting;
    if (w->wait == W_ACCEPT || w->wait == W_ACCEPT4) {
        dialled(w->kind, &w->place);
    } else if (w->wait == W_CONNECT) {
        NEED(accept(w->peer, NULL, NULL) >= 0);
    } else if (waits_for_input(w->wait)) {
        put(w->peer, "abc");
    } else {
        static char much[65536];
        struct pollfd one = {w->peer, POLLIN, 0};
        // All that is there: TCP speaks of room when a third is free.
        while (poll(&one, 1, 5) > 0 && recv(w->peer, much, sizeof much, MSG_DONTWAIT) > 0) {
        }
    }
}

long success_of(const struct waiting *w) {
    switch (w->wait) {
        case W_RECVMMSG:
        case W_SENDMMSG:
        case W_ACCEPT:
        case W_ACCEPT4: return 1;
        case W_CONNECT: return 0;
        default: return is_poll(w->wait) ? 1 : 3;
    }
}
