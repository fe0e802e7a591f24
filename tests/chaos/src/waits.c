// Calls that wait: for bytes, for room, for a connection, and for deadlines, which must come and never early.
#include "chaos.h"

// A connection of this kind with both ends whole and nothing under way, made anew or taken.
struct conn *whole(struct thread *t, enum kind kind, enum policy policy) {
    struct conn *c = one_in(t, 2) ? any_conn(t) : NULL;
    if (c && c->kind == kind && c->policy == policy && !c->dirty && c->end[0].n && c->end[1].n && !c->end[0].shut && !c->end[1].shut &&
        !c->end[0].nd_read && !c->end[1].nd_read && !c->end[0].nd_write && !c->end[1].nd_write && !c->end[0].lifetime_at) {
        drain(t, c, 0);
        drain(t, c, 1);
        return c;
    }
    while (!free_conn(t)) {
        c = any_conn(t);
        close_conn(t, c);
    }
    return open_kind(t, kind, policy);
}

static void set_option(struct thread *t, struct end *e, bool receiving, int64_t value) {
    struct timeval as = timeval_of(value);
    int fd = a_number(t, e);
    MUST(t, CALL(t, setsockopt, fd, fd, SOL_SOCKET, receiving ? SO_RCVTIMEO : SO_SNDTIMEO, &as, sizeof as) == 0);
    *(receiving ? &e->so_rcv : &e->so_snd) = value;
    // It may be in a set of this thread's, whose timer fires even when the option is gone again.
    t->clock |= world->library && value;
    // Where a rule holds besides, a wait that it bounds may have begun already (as in do_options).
    e->told |= world->way == HOURS && receiving && value;
}

// Bytes of `side` to the other end and out of it: clocks start anew.
void round_trip(struct thread *t, struct conn *c, int side) {
    for (int i = 0; i < 100; i++)
        if (send_some(t, c, side, 16) > 0)
            break;
    drain(t, c, 1 - side);
}

// What the companion will send as end `side`; the model knows of it from now on, and a read that finds it finds what was sent.
void promise(struct thread *t, struct conn *c, int side, uint32_t length) {
    struct dir *d = &c->dir[side];
    t->job.conn = c;
    t->job.side = side;
    t->job.fd = a_number(t, &c->end[side]);
    t->job.length = length;
    t->job.when = (int64_t)d->sent;
    if (is_message(c)) {
        d->length[d->last % RING] = (uint16_t)length;
        d->at[d->last % RING] = d->sent;
        d->last++;
    }
    d->sends = d->sent == d->got ? 1 : d->sends + 1;
    d->sent += length;
    edge(&c->end[1 - side], POLLIN);
}

enum { DATA, END, DEADLINE, INTERRUPT, NEAR };

// Which kinds of connection, and which clock will end a wait for bytes at end `*side`: its length, 0 if none.
static struct conn *subject(struct thread *t, int *side, int64_t *clock) {
    *clock = 0;
    bool rules = world->way >= SHORT;
    switch (below(t, rules ? 9 : 4)) {
        case 0: *side = (int)below(t, 2); return whole(t, STREAM, NONE);
        case 1: *side = (int)below(t, 2); return whole(t, below(t, 2) ? SEQPACKET : DATAGRAM, NONE);
        case 2: *side = (int)below(t, 2); return whole(t, TCP, NONE);
        case 3: *side = (int)below(t, 2); return whole(t, UDP, NONE);
        case 4: *side = 1; *clock = 40 * MS; return whole(t, TCP, ON_READ_40);
        case 5: *side = 0; *clock = 35 * MS; return whole(t, TCP, RESPONSE_35);
        case 6: *side = 0; *clock = 25 * MS; return whole(t, TCP, V6_READ_25);
        case 7: *side = 0; *clock = 45 * MS; return whole(t, STREAM, UNIX_READ_45);
        default: *side = 0; *clock = 30 * MS; return whole(t, TCP, READ_30);
    }
}

// What ends it, asked of the companion before the wait. The clock, if there is one, starts here at the earliest.
static int prepare(struct thread *t, struct conn *c, int side, int64_t clock, bool readiness) {
    int ending = (int)below(t, 5);
    // In these the clock runs only while an answer is owed.
    bool owed = c->policy == ON_READ_40 || c->policy == RESPONSE_35;
    if (owed || one_in(t, 2))
        round_trip(t, c, side);
    if ((ending == DEADLINE || ending == NEAR) && !clock)
        ending = DATA;
    if (ending == END && is_message(c))
        ending = DATA;
    if (ending == INTERRUPT && world->children)
        ending = DATA;
    int64_t delay = ending == NEAR ? clock - MS + below(t, 2 * MS) : below(t, 8) ? below(t, MS) : 0;
    switch (ending) {
        case NEAR:
        case DATA: promise(t, c, 1 - side, 8 + below(t, 40)); ask(t, WRITE_BYTES, delay); break;
        case INTERRUPT: promise(t, c, 1 - side, 8); ask(t, one_in(t, 2) ? SIGNAL : SIGNAL_RESTART, delay); break;
        case END:
            c->end[1 - side].shut = true;
            edge(&c->end[side], POLLIN | POLLRDHUP);
            t->job.fd = a_number(t, &c->end[1 - side]);
            ask(t, SHUT, delay);
            break;
        default: break;
    }
    (void)readiness;
    return ending;
}

// A blocking read.
void wait_read(struct thread *t) {
    unsigned char bytes[512];
    int side;
    int64_t clock;
    struct conn *c = subject(t, &side, &clock);
    struct end *e = &c->end[side];
    if (e->nonblock)
        set_blocking(t, c, side, true);
    if (one_in(t, 4) && !clock) {
        set_option(t, e, true, clock = 20 * MS);
    } else if (e->so_rcv) {
        set_option(t, e, true, 0);
    }
    int ending = prepare(t, c, side, clock, false);
    int64_t began = now(), end = began + 10 * SECOND;
    for (;;) {
        struct receive r = {.to = bytes, .length = sizeof bytes, .interrupted = ending == INTERRUPT};
        uint64_t expiries = t->expiries;
        long n = receive(t, c, side, &r);
        int error = errno;
        if (n >= 0)
            break;
        bool expired = t->expiries != expiries || (error == EAGAIN && e->so_rcv);
        t->waits += expired;
        if (expired && now() > began + clock + LATE)
            fault(t, "a deadline of %lld ms ended a read after %lld ms", (long long)(clock / MS), (long long)((now() - began) / MS));
        if (expired && (ending == DEADLINE))
            break;
        if (!expired && error != EINTR && !world->faults)
            break;
        if (now() > end)
            fault(t, "a read found nothing in ten seconds");
    }
    if (ending != DEADLINE)
        join(t);
    if (e->so_rcv)
        set_option(t, e, true, 0);
    check_end(t, c, side);
    if (ending == END)
        close_conn(t, c);
    else
        drain(t, c, side);
}

// ---- Readiness ------------------------------------------------------------------------------------------------------------

struct wait {
    int how, fd, set, outer;
};

// Everything that can wait for one number; returns events seen, 0, or -1.
static long wait_for(struct thread *t, struct wait *w, int64_t timeout) {
    struct pollfd p = {.fd = w->fd, .events = POLLIN};
    struct timespec wait = timespec_of(timeout);
    struct timeval value = timeval_of(timeout);
    struct epoll_event event;
    fd_set in;
    FD_ZERO(&in);
    switch (w->how) {
        case 0: return CALL(t, poll, w->fd, &p, 1, timeout < 0 ? -1 : (int)(timeout / MS));
        case 1: return CALL(t, ppoll, w->fd, &p, 1, timeout < 0 ? NULL : &wait, NULL);
        case 2:
            if (w->fd < FD_SETSIZE) {
                FD_SET(w->fd, &in);
                return CALL(t, select, w->fd, w->fd + 1, &in, NULL, NULL, timeout < 0 ? NULL : &value);
            }
            return CALL(t, poll, w->fd, &p, 1, timeout < 0 ? -1 : (int)(timeout / MS));
        case 3:
            p.fd = w->set;
            return CALL(t, poll, w->set, &p, 1, timeout < 0 ? -1 : (int)(timeout / MS));
        case 4: return CALL(t, epoll_wait, w->outer, w->outer, &event, 1, timeout < 0 ? -1 : (int)(timeout / MS));
        case 5: return CALL(t, epoll_pwait2, w->set, w->set, &event, 1, timeout < 0 ? NULL : &wait, NULL);
        default: return CALL(t, epoll_wait, w->set, w->set, &event, 1, timeout < 0 ? -1 : (int)(timeout / MS));
    }
}

void wait_ready(struct thread *t) {
    unsigned char bytes[512];
    int side;
    int64_t clock;
    struct conn *c = subject(t, &side, &clock);
    struct end *e = &c->end[side];
    if (one_in(t, 2))
        set_blocking(t, c, side, one_in(t, 2));
    if (e->so_rcv)
        set_option(t, e, true, 0);
    // Of several numbers one that was passed may not know what another was given (limits.md; found/dup_passed.c p).
    if (e->nonblock && world->library && one_in(t, 4) && !clock && is_socket(c) && !e->split)
        set_option(t, e, true, clock = 20 * MS);
    int ending = prepare(t, c, side, clock, true);
    struct wait w = {.how = (int)below(t, 8), .fd = a_number(t, e), .set = -1, .outer = -1};
    struct epoll_event event = {.events = EPOLLIN | (one_in(t, 3) ? EPOLLET : 0) | (one_in(t, 3) ? EPOLLONESHOT : 0)};
    int64_t began = now(), end = began + 10 * SECOND;
    if (timed(t, e))
        begin_wait(t, e, READ, began);
    if (w.how >= 3) {
        w.set = own(t, (int)CALL(t, epoll_create1, -1, EPOLL_CLOEXEC));
        MUST(t, CALL(t, epoll_ctl, w.fd, w.set, EPOLL_CTL_ADD, w.fd, &event) == 0);
    }
    if (w.how == 4) {
        struct epoll_event in = {.events = EPOLLIN};
        w.outer = own(t, (int)CALL(t, epoll_create1, -1, EPOLL_CLOEXEC));
        MUST(t, CALL(t, epoll_ctl, w.set, w.outer, EPOLL_CTL_ADD, w.set, &in) == 0);
    }
    // Now and then the program has a time of its own, shorter than any clock.
    int64_t timeout = ending == DEADLINE && one_in(t, 4) ? 5 * MS : -1;
    long n;
    while ((n = wait_for(t, &w, timeout)) < 0) {
        if (errno != EINTR || !(world->faults || ending == INTERRUPT || stray(t)))
            fault(t, "a wait (%d) for %d: %s", w.how, w.fd, strerrorname_np(errno));
    }
    int64_t at = now();
    if (n == 0 && (timeout < 0 || at < began + timeout))
        fault(t, "a wait (%d) for %d found nothing after %lld ns", w.how, w.fd, (long long)(at - began));
    if (n > 0 && !waiting(c, side) && !at_end(c, side)) {
        // Only a deadline can have ended it.
        if (!may_expire(t, e, READ, at) && w.how != 3 && w.how != 4)
            fault(t, "a wait (%d) for %d was ended after %lld ns: EARLY", w.how, w.fd, (long long)(at - began));
        if (at > began + clock + LATE)
            fault(t, "a wait (%d) for %d was ended after %lld ms, its deadline was %lld", w.how, w.fd, (long long)((at - began) / MS),
                  (long long)(clock / MS));
    }
    if (n > 0)
        told_by_wait(t, c, side, POLLIN, at);
    if (ending != DEADLINE)
        join(t);
    if (n > 0) {
        struct receive r = {.to = bytes, .length = sizeof bytes, .dont = true};
        uint64_t expiries = t->expiries;
        long got = receive(t, c, side, &r);
        t->waits += t->expiries != expiries;
        // Its registration is still a wait, for a moment.
        if (t->expiries != expiries && w.set >= 0)
            begin_wait(t, e, READ, at);
        // A wait that a deadline ended tells the reader so, unless it was the set's own level (see limits.md, nested sets).
        if (got < 0 && errno == EAGAIN && ending == DEADLINE && w.how != 3 && w.how != 4)
            fault(t, "a wait (%d) for %d was ended by a deadline, and the read after it says EAGAIN", w.how, w.fd);
    }
    if (now() > end)
        fault(t, "a wait for %d took ten seconds", w.fd);
    int sets[2] = {w.outer, w.set};
    for (int i = 0; i < 2; i++)
        if (sets[i] >= 0) {
            disown(t, sets[i]);
            MUST(t, CALL(t, close, sets[i], sets[i]) == 0);
        }
    if (e->so_rcv)
        set_option(t, e, true, 0);
    check_end(t, c, side);
    if (ending == END)
        close_conn(t, c);
    else
        drain(t, c, side);
}

// ---- Room -----------------------------------------------------------------------------------------------------------------

void wait_write(struct thread *t) {
    unsigned char bytes[4096];
    enum { ROOM_COMES, RULE, OPTION } ending = (int)below(t, world->way >= SHORT ? 3 : 2);
    if (ending == RULE && world->way < SHORT)
        ending = OPTION;
    enum policy policy = ending == RULE ? WRITE_60 : NONE;
    struct conn *c = whole(t, policy == WRITE_60 || one_in(t, 2) ? TCP : STREAM, policy);
    struct end *e = &c->end[0];
    struct dir *d = &c->dir[0];
    if (e->nonblock)
        set_blocking(t, c, 0, true);
    int small = 4096, fd = a_number(t, e);
    MUST(t, CALL(t, setsockopt, fd, fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
    if (ending == OPTION)
        set_option(t, e, false, 20 * MS);
    else if (e->so_snd)
        set_option(t, e, false, 0);
    for (;;) {
        fill(c, 0, d->sent, bytes, sizeof bytes);
        long n = CALL(t, send, fd, fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            d->sent += (uint64_t)n;
        else if (errno == EAGAIN)
            break;
        else if (!world->faults || (errno != EINTR && errno != ENOBUFS))
            fault(t, "filling %d: %s", fd, strerrorname_np(errno));
    }
    edge(&c->end[1], POLLIN);
    uint64_t before = d->sent;
    size_t length = 500 + below(t, 3000);
    fill(c, 0, before, bytes, length);
    d->sent += length; // what is not taken is taken back
    if (ending == ROOM_COMES) {
        t->job.conn = c;
        t->job.side = 1;
        t->job.length = (uint32_t)waiting(c, 1) - (uint32_t)length;
        ask(t, DRAIN, below(t, MS));
    }
    if (timed(t, e))
        moved_bytes(e, WRITE, now());
    int64_t began = now();
    long n = one_in(t, 2) ? CALL(t, write, fd, fd, bytes, length) : CALL(t, send, fd, fd, bytes, length, MSG_NOSIGNAL);
    int error = errno;
    int64_t at = now();
    d->sent = before + (n > 0 ? (uint64_t)n : 0);
    if (ending == ROOM_COMES)
        join(t);
    bool injected = (world->faults && (n > 0 || error == EINTR || error == ENOBUFS)) || (n < 0 && error == EINTR && stray(t));
    int64_t clock = ending == RULE ? 60 * MS : 20 * MS;
    if (ending == ROOM_COMES && n != (long)length && !injected)
        fault(t, "a blocking write of %zu bytes on %d, room for it came, answered %ld (%s)", length, fd, n, strerrorname_np(error));
    if (ending != ROOM_COMES && n != (long)length && !injected) {
        t->waits++;
        if (at < began + clock - (ending == RULE ? 0 : TICK))
            fault(t, "a write on %d ended after %lld ns, EARLY: its timeout is %lld ms", fd, (long long)(at - began),
                  (long long)(clock / MS));
        if (at > began + clock + LATE)
            fault(t, "a write on %d ended after %lld ms, its timeout is %lld", fd, (long long)((at - began) / MS),
                  (long long)(clock / MS));
        if (n < 0 && error != (ending == RULE ? ETIMEDOUT : EAGAIN))
            fault(t, "a write on %d, out of time, says %s", fd, strerrorname_np(error));
    }
    if (timed(t, e))
        moved_bytes(e, WRITE, began);
    if (ending == OPTION)
        set_option(t, e, false, 0);
    check_end(t, c, 0);
    drain(t, c, 1);
    close_conn(t, c);
}

// ---- Connections ----------------------------------------------------------------------------------------------------------

void wait_accept(struct thread *t) {
    enum policy policy = below(t, POLICIES);
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int listener = t->listeners[policy];
    bool expires = one_in(t, 3);
    struct timeval timeout = timeval_of(expires ? 20 * MS : one_in(t, 2) ? HOUR : 0);
    MUST(t, CALL(t, getsockname, listener, listener, (struct sockaddr *)&address, &length) == 0);
    MUST(t, CALL(t, setsockopt, listener, listener, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0);
    int fd = -1;
    if (!expires) {
        fd = own(t, (int)CALL(t, socket, -1, address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        t->job.fd = fd;
        t->job.address = &address;
        t->job.size = length;
        ask(t, CONNECT, below(t, 2 * MS));
    }
    int64_t began = now();
    long accepted;
    do {
        accepted = one_in(t, 2) ? CALL(t, accept, listener, listener, NULL, NULL) : CALL(t, accept4, listener, listener, NULL, NULL, SOCK_CLOEXEC);
    } while (accepted < 0 && errno != EAGAIN && (world->faults || (errno == EINTR && stray(t))));
    int error = errno;
    int64_t at = now();
    if (expires) {
        t->waits++;
        if (accepted >= 0 || error != EAGAIN || at < began + 20 * MS - TICK || at > began + 20 * MS + LATE)
            fault(t, "an accept with a timeout of 20 ms answered %ld (%s) after %lld us", accepted, strerrorname_np(error),
                  (long long)((at - began) / 1000));
    } else {
        join(t);
        if (accepted < 0)
            fault(t, "an accept with a connection to come: %s", strerrorname_np(error));
        own(t, (int)accepted);
        // Linux: what is accepted over TCP inherits the listener's timeouts. And nothing that was lent.
        struct timeval has = {0}, wanted = policy == UNIX_READ_45 ? has : timeout;
        socklen_t size = sizeof has;
        MUST(t, CALL(t, getsockopt, (int)accepted, (int)accepted, SOL_SOCKET, SO_RCVTIMEO, &has, &size) == 0);
        if (has.tv_sec != wanted.tv_sec || has.tv_usec != wanted.tv_usec)
            fault(t, "an accepted socket has SO_RCVTIMEO %lld.%06lld, its listener %lld: a LENT OPTION", (long long)has.tv_sec,
                  (long long)has.tv_usec, (long long)timeout.tv_sec);
        disown(t, (int)accepted);
        MUST(t, CALL(t, close, (int)accepted, (int)accepted) == 0);
        disown(t, fd);
        MUST(t, CALL(t, close, fd, fd) == 0);
    }
    struct timeval zero = {0}, is = {0};
    socklen_t size = sizeof is;
    MUST(t, CALL(t, getsockopt, listener, listener, SOL_SOCKET, SO_RCVTIMEO, &is, &size) == 0);
    if (is.tv_sec != timeout.tv_sec || is.tv_usec != timeout.tv_usec)
        fault(t, "a listener's SO_RCVTIMEO is %lld.%06lld after an accept, was %lld: a LENT OPTION", (long long)is.tv_sec,
              (long long)is.tv_usec, (long long)timeout.tv_sec);
    MUST(t, CALL(t, setsockopt, listener, listener, SOL_SOCKET, SO_RCVTIMEO, &zero, sizeof zero) == 0);
}

// Nobody takes it up: a listener whose queue is full drops what comes.
void wait_connect(struct thread *t) {
    struct sockaddr_storage address;
    socklen_t length = address_of(NONE, 0, &address);
    ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(0x7f000009);
    int listener = own(t, (int)CALL(t, socket, -1, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), fds[3];
    MUST(t, CALL(t, bind, listener, listener, (struct sockaddr *)&address, length) == 0);
    MUST(t, CALL(t, listen, listener, listener, 0) == 0);
    MUST(t, CALL(t, getsockname, listener, listener, (struct sockaddr *)&address, &length) == 0);
    for (int i = 0; i < 2; i++) {
        fds[i] = own(t, (int)CALL(t, socket, -1, AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        MUST(t, CALL(t, connect, fds[i], fds[i], (struct sockaddr *)&address, length) == 0 || errno == EINPROGRESS);
        struct pollfd p = {.fd = fds[i], .events = POLLOUT};
        if (i == 0)
            while (CALL(t, poll, fds[i], &p, 1, ARRIVES) < 0 && world->faults)
                ;
    }
    bool rule = world->way >= SHORT, nonblock = rule && one_in(t, 2);
    int64_t clock = rule ? 50 * MS : 20 * MS;
    int fd = fds[2] = own(t, (int)CALL(t, socket, -1, AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0), 0));
    struct timeval timeout = timeval_of(rule ? 0 : clock), is;
    socklen_t size = sizeof timeout;
    MUST(t, CALL(t, setsockopt, fd, fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0);
    int64_t began = now();
    long result = CALL(t, connect, fd, fd, (struct sockaddr *)&address, length);
    int error = errno;
    if (nonblock) {
        if (result == 0 || error != EINPROGRESS)
            fault(t, "a connect that must wait answered %ld (%s)", result, strerrorname_np(error));
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        while ((result = CALL(t, poll, fd, &p, 1, -1)) < 0 && world->faults)
            ;
        size = sizeof error;
        MUST(t, result == 1 && CALL(t, getsockopt, fd, fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0);
        if (!(p.revents & POLLOUT))
            fault(t, "a failed connect is reported as %x", p.revents);
    }
    int64_t at = now();
    t->waits++;
    bool interrupted = result != 0 && error == EINTR && stray(t);
    if (interrupted)
        clock = 0;
    else if (error != (rule ? ETIMEDOUT : EINPROGRESS) || at < began + clock - (rule ? 0 : TICK) || at > began + clock + LATE)
        fault(t, "a connect to a full queue (%s), timeout %lld ms, ended with %s after %lld us", nonblock ? "nonblocking" : "blocking",
              (long long)(clock / MS), strerrorname_np(error), (long long)((at - began) / 1000));
    size = sizeof is;
    MUST(t, CALL(t, getsockopt, fd, fd, SOL_SOCKET, SO_SNDTIMEO, &is, &size) == 0);
    if (is.tv_sec != timeout.tv_sec || is.tv_usec != timeout.tv_usec)
        fault(t, "after a connect SO_SNDTIMEO is %lld us: a LENT OPTION", (long long)is.tv_usec);
    for (int i = 0; i < 3; i++) {
        disown(t, fds[i]);
        MUST(t, CALL(t, close, fds[i], fds[i]) == 0);
    }
    disown(t, listener);
    MUST(t, CALL(t, close, listener, listener) == 0);
}
