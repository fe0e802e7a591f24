// When a deadline can have passed, at the earliest, and when it must have.
//
// The model errs to the early side by no more than one call: a clock starts, for it, before the call that starts it. So an
// expiry that the model forbids is one that no reading of docs/limits.md allows.
#include "chaos.h"

// Is there any clock at all? Otherwise no call needs to look at the time.
bool timed(const struct thread *t, const struct end *e) {
    if (!world->library)
        return false;
    return e->split || t->scope || e->nd_read || e->nd_write || e->so_rcv || e->so_snd || e->read || e->write || e->response || e->lifetime_at;
}

static bool watched(const struct end *e) { return e->regs[0] || e->regs[1] || e->regs[2] || e->regs[3]; }

// The program looks for something that is not there: from here on a clock may run.
void begin_wait(struct thread *t, struct end *e, enum direction direction, int64_t at) {
    (void)t;
    // Waits that lie further apart than 100 ms (SEMANTICS: and a tenth of the deadline) do not add up.
    if (!watched(e) && e->touched && at - e->touched > 300 * MS)
        e->wait_read = e->wait_write = 0;
    int64_t *since = direction == READ ? &e->wait_read : &e->wait_write;
    if (!*since)
        *since = at;
    e->touched = at;
}

// Bytes went through a call that began at `at`.
void moved_bytes(struct end *e, enum direction direction, int64_t at) {
    if (direction == WRITE)
        e->wait_write = e->written = at;
    // A new request starts the wait for its answer anew.
    e->wait_read = at;
    e->touched = at;
}

// A wait reported input of this end.
void told_by_wait(struct thread *t, const struct conn *c, int side, unsigned seen, int64_t at) {
    struct end *e = (struct end *)&c->end[side];
    bool other = !c->dirty && (waiting(c, side) || at_end(c, side));
    if (is_socket(c) && seen & (POLLIN | POLLRDNORM) && !other && may_expire(t, e, READ, at))
        e->told = true;
}

// It was told; the clock starts anew with the next wait, which for a registered descriptor has begun.
void was_told(struct end *e, enum direction direction, int64_t at) {
    if (direction == READ)
        e->wait_read = watched(e) ? at : 0;
    else
        e->wait_write = watched(e) ? at : 0;
    e->touched = at;
}

static bool past(int64_t since, int64_t timeout, int64_t at) { return timeout && timeout < HOUR && at >= since + timeout; }

bool must_expire(const struct thread *t, const struct end *e, enum direction direction, int64_t at) {
    if (!world->library)
        return false;
    int64_t own = direction == READ ? e->nd_read : e->nd_write;
    return (own && at >= own) || (t->scope && at >= t->scope);
}

bool may_expire(const struct thread *t, const struct end *e, enum direction direction, int64_t at) {
    if (!world->library)
        return false;
    if (e->split || (e->told && direction == READ))
        return true;
    if (must_expire(t, e, direction, at) || (e->lifetime_at && at >= e->lifetime_at))
        return true;
    // Bytes that stay unacknowledged bound a wait for an answer as well.
    int64_t wrote = e->wait_write ? e->wait_write : e->written;
    if (wrote && past(wrote, e->write, at))
        return true;
    if (direction == WRITE)
        return e->wait_write && e->nonblock && past(e->wait_write, e->so_snd, at);
    if (e->response && e->written && past(e->written, e->response, at))
        return true;
    return e->wait_read && (past(e->wait_read, e->read, at) || (e->nonblock && past(e->wait_read, e->so_rcv, at)));
}
