// Numbers, and how connections come to be and end.
//
// Every number that the program opens is entered in `mine`, and taken out before it is closed. The kernel giving us a number
// that is entered means that somebody closed it behind our back.
#include "chaos.h"
#include <netinet/tcp.h>

int own(struct thread *t, int fd) {
    if (fd < 0 || fd >= FDS)
        fault(t, "the kernel gave the number %d (errno %d)", fd, errno);
    if (atomic_exchange(&world->mine[fd], 1))
        fault(t, "the kernel gave the number %d, which is open for the program: somebody CLOSED it", fd);
    return fd;
}

void disown(struct thread *t, int fd) {
    if (!atomic_exchange(&world->mine[fd], 0))
        fault(t, "number %d is closed but was not open: the model is wrong", fd);
}

// ---- Addresses ------------------------------------------------------------------------------------------------------------

// Where the listener of a policy is. The rules go by these addresses.
socklen_t address_of(enum policy policy, int thread, struct sockaddr_storage *to) {
    memset(to, 0, sizeof *to);
    if (policy == UNIX_READ_45) {
        struct sockaddr_un *path = (struct sockaddr_un *)to;
        path->sun_family = AF_UNIX;
        int length = snprintf(path->sun_path + 1, sizeof path->sun_path - 1, "nd-chaos-short-%d-%d", (int)getpid(), thread);
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    }
    if (policy == V6_READ_25) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;
        v6->sin6_family = AF_INET6;
        v6->sin6_addr = in6addr_loopback;
        return sizeof *v6;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)to;
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(0x7f000001 + policy);
    return sizeof *v4;
}

// The same IPv4 address as an IPv6 socket names it.
static socklen_t mapped(struct sockaddr_storage *address) {
    struct sockaddr_in v4 = *(struct sockaddr_in *)address;
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = v4.sin_port};
    v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xff;
    memcpy(&v6.sin6_addr.s6_addr[12], &v4.sin_addr, 4);
    memcpy(address, &v6, sizeof v6);
    return sizeof v6;
}

void open_listeners(struct thread *t) {
    for (int policy = 0; policy < POLICIES; policy++) {
        struct sockaddr_storage address;
        socklen_t length = address_of(policy, t->number, &address);
        int fd = own(t, (int)CALL(t, socket, -1, address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        MUST(t, CALL(t, bind, fd, fd, (struct sockaddr *)&address, length) == 0);
        MUST(t, CALL(t, listen, fd, fd, 16) == 0);
        t->listeners[policy] = fd;
    }
}

void close_listeners(struct thread *t) {
    for (int policy = 0; policy < POLICIES; policy++) {
        disown(t, t->listeners[policy]);
        MUST(t, CALL(t, close, t->listeners[policy], t->listeners[policy]) == 0);
    }
}

// ---- Opening --------------------------------------------------------------------------------------------------------------

struct conn *free_conn(struct thread *t) {
    for (int i = 0; i < CONNS; i++)
        if (!t->conns[i].used)
            return &t->conns[i];
    return NULL;
}

struct conn *any_conn(struct thread *t) {
    int from = (int)below(t, CONNS);
    for (int i = 0; i < CONNS; i++) {
        struct conn *c = &t->conns[(from + i) % CONNS];
        if (c->used)
            return c;
    }
    return NULL;
}

static void begin_end(struct thread *t, struct conn *c, int side, int fd, bool nonblock) {
    struct stat status;
    c->end[side].fds[0] = own(t, fd);
    c->end[side].n = 1;
    c->end[side].nonblock = nonblock;
    MUST(t, CALL(t, fstat, fd, fd, &status) == 0);
    c->end[side].inode = status.st_ino;
}

static void open_stream(struct thread *t, struct conn *c, enum policy policy) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int listener = t->listeners[policy];
    MUST(t, CALL(t, getsockname, listener, listener, (struct sockaddr *)&address, &length) == 0);
    if (policy == READ_30 && one_in(t, 2))
        length = mapped(&address);
    bool nonblock = one_in(t, 2), taken = one_in(t, 2);
    int flags = SOCK_STREAM | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0);
    int fd = (int)CALL(t, socket, -1, address.ss_family, flags, 0);
    begin_end(t, c, 0, fd, nonblock);
    int64_t before = now();
    long result = CALL(t, connect, fd, fd, (struct sockaddr *)&address, length);
    if (result != 0) {
        if (!nonblock || errno != EINPROGRESS)
            fault(t, "connect to a listener with room failed: %s", strerrorname_np(errno));
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        while ((result = CALL(t, poll, fd, &p, 1, ARRIVES)) < 0 && errno == EINTR && world->faults)
            ;
        int error = -1;
        socklen_t size = sizeof error;
        MUST(t, result == 1 && CALL(t, getsockopt, fd, fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0);
        if (error || p.revents != POLLOUT)
            fault(t, "connect to a listener with room: error %d, revents %x", error, p.revents);
    }
    int accepted;
    do {
        accepted = (int)CALL(t, accept4, listener, listener, NULL, NULL, SOCK_CLOEXEC | (taken ? SOCK_NONBLOCK : 0));
    } while (accepted < 0 && world->faults && (errno == EINTR || errno == ECONNABORTED));
    if (accepted < 0)
        fault(t, "accept of a connection that is there: %s", strerrorname_np(errno));
    begin_end(t, c, 1, accepted, taken);
    c->end[1].accepted = true;
    if (c->kind == TCP) {
        int one = 1;
        // Nagle would keep bytes back from a reader that the model says has them.
        for (int s = 0; s < 2; s++)
            MUST(t, CALL(t, setsockopt, c->end[s].fds[0], c->end[s].fds[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
    }
    if (world->way < SHORT)
        return;
    switch (policy) {
        case READ_30: c->end[0].read = 30 * MS; break;
        case WRITE_60: c->end[0].write = 60 * MS; break;
        case ON_READ_40: c->end[1].read = 40 * MS; break;
        case RESPONSE_35: c->end[0].response = 35 * MS; break;
        case LIFETIME_300: c->end[0].lifetime_at = before + 300 * MS; break;
        case V6_READ_25: c->end[0].read = 25 * MS; break;
        case UNIX_READ_45: c->end[0].read = 45 * MS; break;
        default: break;
    }
}

// Two datagram sockets of loopback that are connected to each other.
static void open_udp(struct thread *t, struct conn *c) {
    struct sockaddr_in address[2];
    bool nonblock[2];
    for (int s = 0; s < 2; s++) {
        nonblock[s] = one_in(t, 2);
        int fd = (int)CALL(t, socket, -1, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | (nonblock[s] ? SOCK_NONBLOCK : 0), 0);
        begin_end(t, c, s, fd, nonblock[s]);
        socklen_t length = sizeof address[s];
        address[s] = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        MUST(t, CALL(t, bind, fd, fd, (struct sockaddr *)&address[s], length) == 0);
        MUST(t, CALL(t, getsockname, fd, fd, (struct sockaddr *)&address[s], &length) == 0);
    }
    for (int s = 0; s < 2; s++)
        MUST(t, CALL(t, connect, c->end[s].fds[0], c->end[s].fds[0], (struct sockaddr *)&address[1 - s], sizeof address[0]) == 0);
    // Who sent to the number's last owner may have met this one before it was connected.
    char byte;
    for (int s = 0; s < 2; s++)
        while (recv(c->end[s].fds[0], &byte, 1, MSG_DONTWAIT) >= 0 || errno == EINTR)
            ;
}

struct conn *open_kind(struct thread *t, enum kind kind, enum policy policy) {
    struct conn *c = free_conn(t);
    if (!c)
        return NULL;
    memset(c, 0, sizeof *c);
    c->id = (uint32_t)t->number << 28 | (++t->ids & 0xfffffff);
    c->kind = kind;
    c->policy = policy;
    bool nonblock = one_in(t, 2);
    int two[2];
    if (kind == TCP || (kind == STREAM && policy == UNIX_READ_45)) {
        open_stream(t, c, policy);
    } else if (kind == UDP) {
        open_udp(t, c);
    } else if (kind == PIPE) {
        MUST(t, CALL(t, pipe2, -1, two, O_CLOEXEC | (nonblock ? O_NONBLOCK : 0)) == 0);
        // End 0 writes, end 1 reads.
        begin_end(t, c, 0, two[1], nonblock);
        begin_end(t, c, 1, two[0], nonblock);
        c->end[1].shut = true;
    } else {
        int type = kind == STREAM ? SOCK_STREAM : kind == SEQPACKET ? SOCK_SEQPACKET : SOCK_DGRAM;
        MUST(t, CALL(t, socketpair, -1, AF_UNIX, type | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0), 0, two) == 0);
        begin_end(t, c, 0, two[0], nonblock);
        begin_end(t, c, 1, two[1], nonblock);
    }
    c->used = true;
    return c;
}

struct conn *open_some(struct thread *t) {
    static const enum kind likely[] = {STREAM, STREAM, STREAM, SEQPACKET, DATAGRAM, UDP, PIPE, TCP, TCP, TCP};
    enum kind kind = likely[below(t, sizeof likely / sizeof *likely)];
    enum policy policy = NONE;
    if (kind == TCP)
        policy = below(t, V6_READ_25 + 1);
    else if (kind == STREAM && one_in(t, 3))
        policy = UNIX_READ_45;
    return open_kind(t, kind, policy);
}

// ---- Closing --------------------------------------------------------------------------------------------------------------

// The last number of an end is gone (closed, or another description was put on it).
void ended(struct thread *t, struct conn *c, int side) {
    (void)t;
    struct end *e = &c->end[side];
    if (waiting(c, side))
        c->dirty = true; // bytes unread: the peer is told of a reset
    forget_regs(e);
    if (c->kind != UDP && c->kind != DATAGRAM && !e->shut)
        edge(&c->end[1 - side], POLLIN | POLLRDHUP);
    if (c->end[0].n == 0 && c->end[1].n == 0)
        c->used = false;
}

void close_number(struct thread *t, struct conn *c, int side, int which) {
    struct end *e = &c->end[side];
    int fd = e->fds[which];
    e->fds[which] = e->fds[--e->n];
    disown(t, fd);
    if (CALL(t, close, fd, fd) != 0)
        fault(t, "close(%d): %s", fd, strerrorname_np(errno));
    // Registrations of this number stay while the description has another.
    if (e->n == 0)
        ended(t, c, side);
}

void close_end(struct thread *t, struct conn *c, int side) {
    while (c->end[side].n)
        close_number(t, c, side, 0);
}

void close_conn(struct thread *t, struct conn *c) {
    close_end(t, c, 0);
    close_end(t, c, 1);
}

void set_blocking(struct thread *t, struct conn *c, int side, bool blocking) {
    struct end *e = &c->end[side];
    int fd = a_number(t, e), on = !blocking;
    if (one_in(t, 2)) {
        MUST(t, CALL(t, ioctl, fd, fd, FIONBIO, &on) == 0);
    } else {
        long flags = CALL(t, fcntl, fd, fd, F_GETFL);
        if (flags < 0 || !(flags & O_NONBLOCK) != !e->nonblock)
            fault(t, "F_GETFL of %d says %lx, the program set O_NONBLOCK %s", fd, flags, e->nonblock ? "on" : "off");
        MUST(t, CALL(t, fcntl, fd, fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~(long)O_NONBLOCK) == 0);
    }
    // What has passed has, also where the option binds no longer what is asked from here on.
    if (is_socket(c) && !on && e->nonblock && timed(t, e) && may_expire(t, e, READ, now()))
        e->told = true;
    e->nonblock = on;
    note_fact(t, "nonblock", e, on);
}
