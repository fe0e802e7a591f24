// Calls that give bytes to a socket or take them, and what each may answer.
#include "chaos.h"

// Under way in one direction, at most: what no kernel buffer is too small for.
#define ROOM 3000

static bool inject(int error) {
    return world->faults && (error == EINTR || error == ECONNRESET || error == ENOBUFS);
}

// Errors that a peer which has gone explains.
bool gone(int error) {
    return error == EPIPE || error == ECONNRESET || error == ENOTCONN || error == ECONNREFUSED || error == EDESTADDRREQ;
}

// ---- Sending --------------------------------------------------------------------------------------------------------------

static long make_send(struct thread *t, const struct conn *c, int fd, unsigned char *from, size_t length, bool wait) {
    // The first part is never empty: the fault injector may leave only that one.
    size_t half = (length + 1) / 2;
    struct iovec parts[3] = {{from, half}, {from, 0}, {from + half, length - half}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    struct mmsghdr messages = {.msg_hdr = message};
    int flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT);
    unsigned how = below(t, 8);
    if (!is_socket(c) || (!wait && how < 2))
        how = wait || c->end[0].nonblock ? how % 2 : 99;
    switch (how) {
        case 0: return CALL(t, write, fd, fd, from, length);
        case 1: return CALL(t, writev, fd, fd, parts, 3);
        case 3: return CALL(t, sendto, fd, fd, from, length, flags, NULL, 0);
        case 4: return CALL(t, sendmsg, fd, fd, &message, flags);
        case 5:
            if (is_message(c)) {
                long sent = CALL(t, sendmmsg, fd, fd, &messages, 1, flags);
                return sent == 1 ? (long)messages.msg_len : sent;
            }
            // fall through
        default: return CALL(t, send, fd, fd, from, length, flags);
    }
}

// Returns what was sent, or -1. The caller has seen to it that there is room.
long send_some(struct thread *t, struct conn *c, int side, size_t length) {
    unsigned char bytes[ROOM + 8];
    struct end *e = &c->end[side], *peer = &c->end[1 - side];
    struct dir *d = &c->dir[side];
    int fd = a_number(t, e);
    t->focus = e;
    bool clock = timed(t, e), whole = !is_message(c), wait = !e->nonblock && (!is_socket(c) || one_in(t, 2));
    if (is_message(c))
        length = length < 8 ? 8 : length;
    uint64_t at = d->sent;
    fill(c, side, at, bytes, length);
    int64_t before = clock ? now() : 0;
    if (clock && c->kind != PIPE)
        begin_wait(t, e, WRITE, before);
    long n = make_send(t, c, fd, bytes, length, wait || !is_socket(c));
    int error = errno;
    bool expires = clock && is_socket(c);
    if (n >= 0) {
        if (expires && must_expire(t, e, WRITE, before))
            fault(t, "a send of %zu bytes on %d went through, past its deadline", length, fd);
        if (n == 0 || (size_t)n > length || (!whole && (size_t)n != length))
            fault(t, "a send of %zu bytes on %d answered %ld", length, fd, n);
        if ((size_t)n < length && !world->faults && !(expires && may_expire(t, e, WRITE, now())))
            fault(t, "a send of %zu bytes on %d, with room for them, took %ld", length, fd, n);
        if (clock)
            moved_bytes(e, WRITE, before);
        e->idle_server = false;
        if (peer->n == 0) {
            c->dirty = true;
            return n;
        }
        if (is_message(c)) {
            d->length[d->last % RING] = (uint16_t)n;
            d->at[d->last % RING] = at;
            d->last++;
        }
        d->sends = d->sent == d->got ? 1 : d->sends + 1;
        d->sent += (uint64_t)n;
        edge(peer, POLLIN);
        return n;
    }
    if (error == ETIMEDOUT && expires && may_expire(t, e, WRITE, now())) {
        t->expiries++;
        // A deadline of the program's own, and a scope, are bounds: whatever clock runs goes on running (decision 18).
        if (!must_expire(t, e, WRITE, now()))
            was_told(e, WRITE, now());
        return -1;
    }
    if ((gone(error) && (peer->n == 0 || c->dirty)) || (inject(error) && is_socket(c))) {
        c->dirty |= gone(error) && peer->n == 0;
        return -1;
    }
    fault(t, "a send of %zu bytes on %d (%s, %llu before it unread): %s", length, fd, e->nonblock ? "nonblocking" : "blocking",
          (unsigned long long)waiting(c, 1 - side), strerrorname_np(error));
}

static bool room(const struct conn *c, int side) {
    const struct dir *d = &c->dir[side];
    return is_message(c) ? d->last - d->first < RING - 2 : d->sent - d->got < ROOM - 600;
}

void do_send(struct thread *t) {
    struct conn *c = any_conn(t);
    if (!c)
        return;
    int side = c->kind == PIPE ? 0 : (int)below(t, 2);
    struct end *e = &c->end[side];
    if (e->n == 0 || e->shut || !room(c, side))
        return;
    send_some(t, c, side, one_in(t, 8) ? 1 + below(t, 600) : 1 + below(t, 48));
}

// ---- Receiving ------------------------------------------------------------------------------------------------------------

static long make_receive(struct thread *t, const struct conn *c, int fd, struct receive *r) {
    size_t half = (r->length + 1) / 2;
    struct iovec parts[3] = {{r->to, half}, {r->to, 0}, {r->to + half, r->length - half}};
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    struct mmsghdr messages = {.msg_hdr = message};
    int flags = (r->dont ? MSG_DONTWAIT : 0) | (r->peek ? MSG_PEEK : 0) | (r->all ? MSG_WAITALL : 0);
    unsigned how = below(t, 6);
    if (!is_socket(c))
        how %= 2;
    else if (flags && how < 2)
        how += 2;
    switch (how) {
        case 0: return CALL(t, read, fd, fd, r->to, r->length);
        case 1: return CALL(t, readv, fd, fd, parts, 3);
        case 2: return CALL(t, recvfrom, fd, fd, r->to, r->length, flags, (struct sockaddr *)&from, &size);
        case 3: return CALL(t, recvmsg, fd, fd, &message, flags);
        case 4:
            if (is_message(c)) {
                long got = CALL(t, recvmmsg, fd, fd, &messages, 1, flags, NULL);
                return got == 1 ? (long)messages.msg_len : got;
            }
            // fall through
        default: return CALL(t, recv, fd, fd, r->to, r->length, flags);
    }
}

// Bytes that must be there and are not: given time to come through the kernel.
static void must_arrive(struct thread *t, struct conn *c, int side, const char *what) {
    struct end *e = &c->end[side];
    if (c->dirty || (world->children && !waiting(c, side)))
        return;
    if (is_inet(c)) {
        struct pollfd p = {.fd = e->fds[0], .events = POLLIN};
        long ready;
        while ((ready = CALL(t, poll, p.fd, &p, 1, ARRIVES)) < 0 && errno == EINTR && world->faults)
            ;
        char byte;
        // Deadlines report it, too: so ask for the byte itself.
        if (ready == 1 && (waiting(c, side) == 0 || timed(t, e) || recv(p.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1))
            return;
    }
    fault(t, "%s on %d: %llu are LOST", what, e->fds[0], (unsigned long long)waiting(c, side));
}

static void took(struct thread *t, struct conn *c, int side, const struct receive *r, long n) {
    struct dir *d = &c->dir[1 - side];
    if (is_message(c)) {
        if (d->first == d->last)
            fault(t, "a message of %ld bytes that nobody sent", n);
        size_t sent = d->length[d->first % RING], wanted = sent < r->length ? sent : r->length;
        if ((size_t)n != wanted && !world->faults)
            fault(t, "a message of %zu bytes, read into %zu, gave %ld", sent, r->length, n);
        compare(t, c, 1 - side, d->at[d->first % RING], r->to, (size_t)n);
        if (!r->peek)
            d->first++, d->got = d->at[(d->first - 1) % RING] + sent;
    } else {
        compare(t, c, 1 - side, d->got, r->to, (size_t)n);
        if ((uint64_t)n > waiting(c, side))
            fault(t, "%ld bytes of which only %llu were sent", n, (unsigned long long)waiting(c, side));
        if (!r->peek)
            d->got += (uint64_t)n;
    }
}

// One receive by end `side`; the caller has seen to it that it does not wait for ever. What it returned, or -1.
long receive(struct thread *t, struct conn *c, int side, struct receive *r) {
    struct end *e = &c->end[side];
    int fd = a_number(t, e);
    t->focus = e;
    bool clock = is_socket(c) && timed(t, e), nonblock = e->nonblock || r->dont;
    uint64_t there = waiting(c, side);
    int64_t before = clock || e->so_rcv ? now() : 0;
    if (clock)
        begin_wait(t, e, READ, before);
    long n = make_receive(t, c, fd, r);
    int error = errno;
    if (n > 0) {
        if (clock && must_expire(t, e, READ, before))
            fault(t, "a read on %d gave %ld bytes, past its deadline", fd, n);
        took(t, c, side, r, n);
        if (clock && !r->peek)
            moved_bytes(e, READ, before);
        if (!r->peek)
            e->told &= t->child;
        e->idle_server = e->accepted;
        return n;
    }
    if (n == 0) {
        if (is_message(c) && there)
            fault(t, "a read on %d gave an empty message", fd);
        if ((!at_end(c, side) && !(c->dirty && c->end[1 - side].n == 0)) || (there && !c->dirty))
            fault(t, "a read on %d says end of file, %llu bytes before it", fd, (unsigned long long)there);
        return 0;
    }
    if (error == ETIMEDOUT && clock && may_expire(t, e, READ, now())) {
        t->expiries++;
        if (must_expire(t, e, READ, now()))
            return -1;
        // What a child is told, its parent is not.
        e->told &= t->child;
        was_told(e, READ, now());
        return -1;
    }
    if ((gone(error) && (c->dirty || c->end[1 - side].n == 0)) || (inject(error) && is_socket(c)))
        return -1;
    if (error == EINTR && (r->interrupted || stray(t)))
        return -1;
    // The kernel's own timeout.
    if (error == EAGAIN && !nonblock && e->so_rcv && now() >= before + e->so_rcv - TICK)
        return -1;
    if (error == EAGAIN && nonblock) {
        if (clock && must_expire(t, e, READ, before))
            fault(t, "a read on %d says EAGAIN, past its deadline", fd);
        if (there || (at_end(c, side) && !c->dirty))
            must_arrive(t, c, side, "a read says EAGAIN, but bytes or the end");
        return -1;
    }
    fault(t, "a read on %d (%s, %llu waiting): %s", fd, nonblock ? "nonblocking" : "blocking", (unsigned long long)there,
          strerrorname_np(error));
}

// A receive that ends at once.
long receive_some(struct thread *t, struct conn *c, int side) {
    unsigned char bytes[4096];
    struct end *e = &c->end[side];
    uint64_t there = waiting(c, side);
    bool certain = there || (at_end(c, side) && !(world->children && atomic_load(&world->alive)));
    struct receive r = {.to = bytes, .length = one_in(t, 3) ? sizeof bytes : 1 + below(t, 64)};
    // A child that keeps a copy of the peer keeps the end of file back.
    if (!certain || c->dirty || one_in(t, 3))
        r.dont = true;
    if (r.dont && !is_socket(c) && !e->nonblock && !certain)
        return -1;
    if (is_socket(c) && there) {
        r.peek = one_in(t, 16);
        r.all = !r.peek && !is_message(c) && r.length <= there && one_in(t, 16);
    }
    return receive(t, c, side, &r);
}

void do_receive(struct thread *t) {
    struct conn *c = any_conn(t);
    if (!c)
        return;
    int side = c->kind == PIPE ? 1 : (int)below(t, 2);
    if (c->end[side].n)
        receive_some(t, c, side);
}

// Read all that is there; afterwards the model and the kernel agree that nothing is.
void drain(struct thread *t, struct conn *c, int side) {
    unsigned char bytes[8192];
    struct end *e = &c->end[side];
    int64_t until = now() + LATE;
    while (e->n && waiting(c, side)) {
        // Nothing comes out past a deadline that stays.
        if (must_expire(t, e, READ, now()) || (e->lifetime_at && now() >= e->lifetime_at))
            break;
        struct receive r = {.to = bytes, .length = sizeof bytes, .dont = true};
        if (!is_socket(c))
            r.dont = false;
        long n = receive(t, c, side, &r);
        // A reset, and a send to a datagram socket that is closed, take with them what was not read yet.
        if (n == 0 || (n < 0 && c->dirty))
            break;
        if (n < 0 && now() > until)
            fault(t, "bytes on %d do not come", e->fds[0]);
    }
}
