// What is ready: the model's answer, and poll and select, which must give the same.
#include "chaos.h"

// What must be reported of this end if it is asked for.
unsigned surely(const struct conn *c, int side) {
    const struct end *e = &c->end[side], *peer = &c->end[1 - side];
    unsigned bits = 0;
    if (c->dirty)
        return 0;
    // A child may keep a copy of a closed peer.
    bool eof = at_end(c, side) && (peer->n || !world->children);
    if (c->kind == PIPE)
        return side == 0 ? (peer->n && waiting(c, 1) < 2048 ? POLLOUT : 0) : (waiting(c, 1) ? POLLIN : 0);
    if (waiting(c, side) || eof)
        bits |= POLLIN;
    if (eof && (c->kind == STREAM || c->kind == TCP))
        bits |= POLLRDHUP;
    // 70 sends of a few bytes fill a quarter of a unix socket's 208 KiB, natively as well: no POLLOUT (net/unix/af_unix.c).
    if (peer->n && !e->shut && !peer->shut && waiting(c, 1 - side) < (is_message(c) ? 4 : 2048) && c->dir[side].sends < 50)
        bits |= POLLOUT;
    return bits;
}

// What may be reported.
unsigned perhaps(struct thread *t, const struct conn *c, int side, unsigned asked, int64_t at) {
    const struct end *e = &c->end[side], *peer = &c->end[1 - side];
    unsigned bits = POLLOUT | POLLWRNORM;
    bool read = is_socket(c) && may_expire(t, e, READ, at);
    // A peer that a child keeps open may still be told of: it is closed for the child, too, later.
    if (waiting(c, side) || at_end(c, side) || c->dirty || read || peer->n == 0)
        bits |= POLLIN | POLLRDNORM;
    if (at_end(c, side) || c->dirty || peer->n == 0)
        bits |= POLLRDHUP;
    bits &= asked;
    if (peer->n == 0 || c->dirty || (e->shut && peer->shut && c->kind != PIPE))
        bits |= POLLHUP;
    if (c->dirty || peer->n == 0)
        bits |= POLLERR;
    return bits;
}

struct asked {
    struct conn *c;
    int side, fd;
    unsigned events, seen;
};

// Ends to ask for, in random order and number; `sure`: one of them is ready without doubt.
static int choose(struct thread *t, struct asked *ask, int most, bool numbers_of_select, bool *sure) {
    int n = 0, wanted = 1 + (int)below(t, (uint32_t)most);
    int64_t at = 0;
    *sure = false;
    for (int i = 0, from = (int)below(t, CONNS); i < CONNS && n < wanted; i++) {
        struct conn *c = &t->conns[(from + i) % CONNS];
        int side = (int)below(t, 2);
        struct end *e = &c->end[side];
        if (!c->used || e->n == 0)
            continue;
        struct asked a = {.c = c, .side = side, .fd = a_number(t, e)};
        a.events = one_in(t, 3) ? POLLIN | POLLOUT : one_in(t, 3) ? POLLOUT : POLLIN;
        if (!numbers_of_select && one_in(t, 4))
            a.events |= POLLRDHUP;
        if (numbers_of_select && a.fd >= FD_SETSIZE)
            continue;
        bool twice = false;
        for (int k = 0; k < n; k++)
            twice |= ask[k].fd == a.fd;
        if (twice && numbers_of_select)
            continue;
        if (is_socket(c) && timed(t, e)) {
            at = at ? at : now();
            if (a.events & POLLIN)
                begin_wait(t, e, READ, at);
            if (a.events & POLLOUT)
                begin_wait(t, e, WRITE, at);
        }
        *sure |= (surely(c, side) & a.events) != 0;
        note_fact(t, "asked for", e, a.events);
        ask[n++] = a;
    }
    return n;
}

static void judge(struct thread *t, const char *what, struct asked *ask, int n, long result, int64_t timeout, int64_t began) {
    int64_t at = now();
    int ready = 0;
    for (int i = 0; i < n; i++) {
        struct asked *a = &ask[i];
        struct end *e = &a->c->end[a->side];
        if (a->seen)
            note_fact(t, "reported", e, a->seen);
        ready += a->seen != 0;
        unsigned excess = a->seen & ~perhaps(t, a->c, a->side, a->events, at);
        if (excess)
            t->focus = e;
        if (excess)
            fault(t, "%s reports %x of %d (connection %x end %d), asked %x: %x cannot be", what, a->seen, a->fd, a->c->id, a->side,
                  a->events, excess);
        told_by_wait(t, a->c, a->side, a->seen, at);
        unsigned missing = surely(a->c, a->side) & a->events & ~a->seen;
        if (!missing)
            continue;
        struct pollfd p = {.fd = a->fd, .events = (short)missing};
        if (!is_inet(a->c) && !(timed(t, e) && !waiting(a->c, a->side)))
            fault(t, "%s reports %x of %d (connection %x end %d), asked %x: %x is MISSING", what, a->seen, a->fd, a->c->id,
                  a->side, a->events, missing);
        // In a scope that has ended no poll waits.
        long later;
        do
            later = CALL(t, poll, p.fd, &p, 1, ARRIVES);
        while (later < 0 ? errno == EINTR && world->faults : later == 0 && t->scope && now() < at + ARRIVES * MS);
        if (later != 1)
            fault(t, "%s does not report %x of %d (connection %x end %d), and no poll after it", what, missing, a->fd, a->c->id,
                  a->side);
    }
    (void)result;
    if (ready == 0 && timeout != 0 && !t->scope && (timeout < 0 || at - began < timeout))
        fault(t, "%s found nothing after %lld ns, it had %lld", what, (long long)(at - began), (long long)timeout);
}

static int64_t a_timeout(struct thread *t, bool sure) {
    if (sure && one_in(t, 2))
        return one_in(t, 2) ? -1 : (int64_t)below(t, 3000) * MS;
    return one_in(t, 2000) ? MS + below(t, MS) : 0;
}

void do_poll(struct thread *t) {
    struct asked ask[6];
    struct pollfd p[7];
    bool sure;
    int n = choose(t, ask, 6, false, &sure), count = n;
    for (int i = 0; i < n; i++)
        p[i] = (struct pollfd){.fd = ask[i].fd, .events = (short)ask[i].events};
    if (n && one_in(t, 8))
        p[count++] = (struct pollfd){.fd = -1 - (int)below(t, 3), .events = POLLIN, .revents = POLLERR};
    if (n == 0)
        return;
    int64_t timeout = a_timeout(t, sure), began = timeout ? now() : 0;
    long result;
    if (one_in(t, 3)) {
        struct timespec wait = timespec_of(timeout);
        sigset_t none;
        sigemptyset(&none);
        result = CALL(t, ppoll, p[0].fd, p, (nfds_t)count, timeout < 0 ? NULL : &wait, one_in(t, 2) ? &none : NULL);
    } else {
        timeout = timeout > 0 ? timeout / MS * MS : timeout;
        result = CALL(t, poll, p[0].fd, p, (nfds_t)count, timeout < 0 ? -1 : (int)(timeout / MS));
    }
    if (result < 0 && errno == EINTR && world->faults)
        return;
    if (result < 0)
        fault(t, "poll: %s", strerrorname_np(errno));
    long told = 0;
    for (int i = 0; i < n; i++)
        ask[i].seen = (unsigned short)p[i].revents, told += p[i].revents != 0;
    if (told != result || (count > n && p[n].revents))
        fault(t, "poll answered %ld and set %ld results", result, told);
    judge(t, "poll", ask, n, result, timeout, began);
}

void do_select(struct thread *t) {
    struct asked ask[6];
    bool sure;
    int n = choose(t, ask, 6, true, &sure), highest = -1;
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    for (int i = 0; i < n; i++) {
        if (ask[i].events & POLLIN)
            FD_SET(ask[i].fd, &in);
        if (ask[i].events & POLLOUT)
            FD_SET(ask[i].fd, &out);
        highest = ask[i].fd > highest ? ask[i].fd : highest;
    }
    if (n == 0)
        return;
    int64_t timeout = a_timeout(t, sure);
    timeout = timeout < 0 ? -1 : timeout / 1000 * 1000;
    int64_t began = timeout ? now() : 0;
    long result;
    if (one_in(t, 2)) {
        struct timespec wait = timespec_of(timeout);
        result = CALL(t, pselect, highest, highest + 1, &in, &out, NULL, timeout < 0 ? NULL : &wait, NULL);
    } else {
        struct timeval wait = timeval_of(timeout);
        result = CALL(t, select, highest, highest + 1, &in, &out, NULL, timeout < 0 ? NULL : &wait);
    }
    if (result < 0 && errno == EINTR && world->faults)
        return;
    if (result < 0)
        fault(t, "select: %s", strerrorname_np(errno));
    long told = 0;
    for (int i = 0; i < n; i++) {
        struct asked *a = &ask[i];
        a->seen = (FD_ISSET(a->fd, &in) ? POLLIN : 0) | (FD_ISSET(a->fd, &out) ? POLLOUT : 0);
        told += FD_ISSET(a->fd, &in) + FD_ISSET(a->fd, &out);
        // A peer that is gone makes both sets true.
        if (a->c->end[1 - a->side].n == 0 || a->c->dirty)
            a->seen &= perhaps(t, a->c, a->side, a->events, now());
        if (a->seen & ~a->events)
            fault(t, "select reports %x of %d, asked %x", a->seen, a->fd, a->events);
    }
    if (told != result)
        fault(t, "select answered %ld and set %ld results", result, told);
    judge(t, "select", ask, n, result, timeout, began);
}
