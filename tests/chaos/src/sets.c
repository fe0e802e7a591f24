// Epoll sets: level and edge triggered, one-shot, several and nested, numbers that share a description, and registrations that
// outlive their number.
#include "chaos.h"

#define BITS (EPOLLIN | EPOLLOUT | EPOLLRDHUP)

static struct reg *reg_of(struct end *e, const struct set *set, int fd) {
    for (int k = 0; k < 4; k++)
        if (e->regs[k] && e->regs[k]->set == set && e->regs[k]->fd == fd)
            return e->regs[k];
    return NULL;
}

// Its number is closed, its description is not: no call can change the registration any more.
static bool lost(const struct reg *reg) {
    const struct end *e = &reg->conn->end[reg->side];
    for (int k = 0; k < e->n; k++)
        if (e->fds[k] == reg->fd)
            return false;
    return true;
}

static void forget(struct reg *reg) {
    struct end *e = &reg->conn->end[reg->side];
    for (int k = 0; k < 4; k++)
        if (e->regs[k] == reg)
            e->regs[k] = NULL;
    reg->used = false;
}

// The description is closed: the kernel takes it out of every set.
void forget_regs(struct end *e) {
    for (int k = 0; k < 4; k++)
        if (e->regs[k])
            forget(e->regs[k]);
}

// Something came to this end.
void edge(struct end *e, unsigned bits) {
    for (int k = 0; k < 4; k++)
        if (e->regs[k])
            e->regs[k]->fresh |= bits;
}

static int want_set(struct thread *t) {
    int which = (int)below(t, SETS);
    struct set *set = &t->sets[which];
    if (set->fd < 0) {
        memset(set, 0, sizeof *set);
        set->fd = own(t, (int)CALL(t, epoll_create1, -1, EPOLL_CLOEXEC));
    }
    return which;
}

static unsigned some_events(struct thread *t) {
    unsigned events = one_in(t, 3) ? EPOLLIN | EPOLLOUT : one_in(t, 4) ? EPOLLOUT : EPOLLIN;
    if (one_in(t, 4))
        events |= EPOLLRDHUP;
    if (one_in(t, 3))
        events |= EPOLLET;
    if (one_in(t, 4))
        events |= EPOLLONESHOT;
    return one_in(t, 24) ? 0 : events;
}

static void interest(struct thread *t, struct reg *reg) {
    struct end *e = &reg->conn->end[reg->side];
    if (is_socket(reg->conn) && timed(t, e)) {
        int64_t at = now();
        reg->set->clock = t->clock = true;
        begin_wait(t, e, READ, at);
        begin_wait(t, e, WRITE, at);
    }
}

static void add(struct thread *t, struct set *set, struct conn *c, int side, int fd) {
    struct end *e = &c->end[side];
    struct reg *reg = NULL;
    for (int i = 0; i < REGS && !reg; i++)
        reg = set->regs[i].used ? NULL : &set->regs[i];
    int k = 0;
    while (k < 4 && e->regs[k])
        k++;
    if (!reg || k == 4)
        return;
    static atomic_uint ids;
    *reg = (struct reg){.set = set, .conn = c, .side = side, .fd = fd, .events = some_events(t), .used = true, .armed = true};
    reg->id = atomic_fetch_add(&ids, 1) + 1;
    reg->fresh = BITS;
    struct epoll_event event = {.events = reg->events, .data.u64 = (uint64_t)reg->id << 32 | 0x5a5a5a5a};
    e->regs[k] = reg;
    interest(t, reg);
    if (CALL(t, epoll_ctl, fd, set->fd, EPOLL_CTL_ADD, fd, &event) != 0)
        fault(t, "EPOLL_CTL_ADD of %d: %s", fd, strerrorname_np(errno));
}

void do_epoll_ctl(struct thread *t) {
    struct set *set = &t->sets[want_set(t)];
    struct conn *c = any_conn(t);
    if (!c)
        return;
    int side = (int)below(t, 2);
    struct end *e = &c->end[side];
    if (e->n == 0)
        return;
    int fd = a_number(t, e);
    struct reg *reg = reg_of(e, set, fd);
    struct epoll_event event = {.events = some_events(t), .data.u64 = 1};
    if (!reg && one_in(t, 8)) {
        int what = one_in(t, 2) ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
        if (CALL(t, epoll_ctl, fd, set->fd, what, fd, one_in(t, 2) ? &event : &event) != -1 || errno != ENOENT)
            fault(t, "epoll_ctl(%d) of %d, which is not in the set, did not say ENOENT", what, fd);
    } else if (!reg) {
        add(t, set, c, side, fd);
    } else if (one_in(t, 8)) {
        if (CALL(t, epoll_ctl, fd, set->fd, EPOLL_CTL_ADD, fd, &event) != -1 || errno != EEXIST)
            fault(t, "EPOLL_CTL_ADD of %d, which is in the set, did not say EEXIST", fd);
    } else if (one_in(t, 3)) {
        // Since 2.6.9 the event of a DEL is ignored: programs pass anything.
        if (CALL(t, epoll_ctl, fd, set->fd, EPOLL_CTL_DEL, fd, one_in(t, 2) ? NULL : (void *)16) != 0)
            fault(t, "EPOLL_CTL_DEL of %d: %s", fd, strerrorname_np(errno));
        forget(reg);
    } else {
        reg->events = event.events;
        event.data.u64 = (uint64_t)reg->id << 32 | 0x5a5a5a5a;
        reg->armed = true;
        reg->fresh = BITS;
        interest(t, reg);
        if (CALL(t, epoll_ctl, fd, set->fd, EPOLL_CTL_MOD, fd, &event) != 0)
            fault(t, "EPOLL_CTL_MOD of %d: %s", fd, strerrorname_np(errno));
    }
}

// Must this registration be reported now?
static bool due(const struct reg *reg) {
    unsigned edges = reg->events & EPOLLET ? reg->fresh : BITS;
    return reg->used && reg->armed && (surely(reg->conn, reg->side) & reg->events & edges);
}

static struct reg *judge_event(struct thread *t, struct set *set, const struct epoll_event *event, int64_t at) {
    struct reg *reg = NULL;
    for (int i = 0; i < REGS && !reg; i++)
        if (set->regs[i].used && event->data.u64 == ((uint64_t)set->regs[i].id << 32 | 0x5a5a5a5a))
            reg = &set->regs[i];
    if (!reg) {
        // A child's copy keeps a registration alive after our last number is closed.
        if (world->children)
            return NULL;
        fault(t, "set %d reports an event (%x, data %llx) of nothing that is in it", set->fd, event->events,
              (unsigned long long)event->data.u64);
    }
    unsigned excess = event->events & ~perhaps(t, reg->conn, reg->side, reg->events & BITS, at);
    if (excess)
        fault(t, "set %d reports %x of %d (connection %x end %d), registered %x: %x cannot be", set->fd, event->events, reg->fd,
              reg->conn->id, reg->side, reg->events, excess);
    note_fact(t, "reported by a set", &reg->conn->end[reg->side], event->events);
    told_by_wait(t, reg->conn, reg->side, event->events, at);
    reg->fresh = 0;
    return reg;
}

static long make_wait(struct thread *t, int fd, struct epoll_event *events, int most, int64_t timeout) {
    struct timespec wait = timespec_of(timeout);
    sigset_t none;
    switch (below(t, 4)) {
        case 0: sigemptyset(&none); return CALL(t, epoll_pwait, fd, fd, events, most, timeout < 0 ? -1 : (int)(timeout / MS), &none);
        case 1: return CALL(t, epoll_pwait2, fd, fd, events, most, timeout < 0 ? NULL : &wait, NULL);
        default: return CALL(t, epoll_wait, fd, fd, events, most, timeout < 0 ? -1 : (int)(timeout / MS));
    }
}

// What a failure tells of a set.
void show_set(struct thread *t) {
    const struct set *set = t->seen_set;
    const struct epoll_event *events = t->seen;
    long n = t->seen_count;
    fprintf(stderr, "  set %d had %ld events:\n", set->fd, n);
    for (long i = 0; i < n; i++)
        fprintf(stderr, "  event %x of registration %llu\n", events[i].events, (unsigned long long)(events[i].data.u64 >> 32));
    for (int i = 0; i < REGS; i++) {
        const struct reg *reg = &set->regs[i];
        if (!reg->used)
            continue;
        const struct end *e = &reg->conn->end[reg->side];
        int64_t at = now();
        fprintf(stderr, "  registration %u: %d for %x%s, edges %x, surely %x; deadlines %lld us, %lld us from now%s\n", reg->id, reg->fd,
                reg->events, lost(reg) ? " number closed" : reg->armed ? "" : " used up", reg->fresh, surely(reg->conn, reg->side),
                e->nd_read ? (long long)(e->nd_read - at) / 1000 : 0, e->nd_write ? (long long)(e->nd_write - at) / 1000 : 0,
                may_expire(&world->thread[0], e, READ, at) ? ", may have expired" : "");
    }
}

// One wait on a set that has been given `timeout`, and what it must and may report.
static void wait_once(struct thread *t, struct set *set, int most, int64_t timeout) {
    struct epoll_event events[REGS + 1];
    struct reg *must[REGS];
    int ready = 0, duties = 0;
    bool clock = set->clock, inet = false;
    for (int i = 0; i < REGS; i++) {
        struct reg *reg = &set->regs[i];
        if (!reg->used || !reg->armed)
            continue;
        ready++;
        clock |= is_socket(reg->conn) && timed(t, &reg->conn->end[reg->side]);
        if (due(reg))
            must[duties++] = reg, inet |= is_inet(reg->conn);
        if (clock)
            interest(t, reg);
        set->clock |= clock;
        t->clock |= clock;
    }
    if (!duties && timeout < 0)
        timeout = 0;
    int64_t began = timeout > 0 ? now() : 0;
    memset(&events[most], 0xa5, sizeof events[most]);
    long n = make_wait(t, set->fd, events, most, timeout);
    t->seen_set = set, t->seen = events, t->seen_count = n;
    if (n < 0 && errno == EINTR && (world->faults || stray(t)))
        return;
    if (n < 0 || n > most)
        fault(t, "a wait on set %d for %d events answered %ld, errno %d", set->fd, most, n, errno);
    unsigned char *beyond = (unsigned char *)&events[most];
    for (size_t i = 0; i < sizeof events[most]; i++)
        if (beyond[i] != 0xa5)
            fault(t, "a wait on set %d wrote beyond its %d events", set->fd, most);
    int64_t at = clock || timeout > 0 ? now() : 0;
    for (long i = 0; i < n; i++) {
        struct reg *reg = judge_event(t, set, &events[i], at);
        // KNOWN: a shot that a deadline used up leaves EPOLLHUP and EPOLLERR.
        if (reg && !reg->armed && (events[i].events & BITS || !clock))
            fault(t, "set %d reports %x of %d, whose one shot was used", set->fd, events[i].events, reg->fd);
        if (reg && reg->events & EPOLLONESHOT)
            reg->armed = false;
    }
    // Registrations with numbers of closed copies report too; with those in a child one cannot count.
    if (n == 0 && timeout && !world->children && (timeout < 0 || at - began < timeout / MS * MS))
        fault(t, "a wait on set %d found nothing after %lld ns, it had %lld", set->fd, (long long)(at - began), (long long)timeout);
    t->seen_set = NULL;
    if (ready > most || world->children)
        return;
    for (int i = 0; i < duties; i++) {
        bool told = !must[i]->used || !must[i]->armed || !must[i]->fresh;
        for (long k = 0; k < n; k++)
            told |= events[k].data.u64 >> 32 == must[i]->id;
        if (told)
            continue;
        // Loopback's queue may still hold it; what a passed deadline reports comes alone; and the hidden timer's event, which comes
        // also for a deadline that is gone, takes a place for once: once more, with time.
        if (inet || clock || t->clock || world->way == MOVABLE) {
            struct epoll_event later[REGS];
            int64_t until = now() + ARRIVES * MS;
            while (!told && now() < until) {
                long m = CALL(t, epoll_wait, set->fd, set->fd, later, REGS, 50);
                at = now();
                for (long k = 0; k < m; k++) {
                    told |= later[k].data.u64 >> 32 == must[i]->id;
                    struct reg *reg = judge_event(t, set, &later[k], at);
                    if (reg && reg->events & EPOLLONESHOT)
                        reg->armed = false;
                }
            }
        }
        t->seen_set = set, t->seen_count = n;
        if (!told)
            fault(t, "set %d does not report %d (connection %x end %d, registered %x): event DROPPED", set->fd, must[i]->fd,
                  must[i]->conn->id, must[i]->side, must[i]->events);
        t->seen_set = NULL;
    }
}

static int64_t a_timeout(struct thread *t) {
    if (one_in(t, 3))
        return one_in(t, 2) ? -1 : 0;
    return one_in(t, 1000) ? 2 * MS : 0;
}

void do_epoll_wait(struct thread *t) {
    struct set *set = &t->sets[below(t, SETS)];
    if (set->fd >= 0)
        wait_once(t, set, 1 + (int)below(t, REGS), a_timeout(t));
}

// A set within a set, and within poll.
void do_epoll_nested(struct thread *t) {
    struct set *set = &t->sets[want_set(t)];
    if (!set->inside) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)(set - t->sets)};
        MUST(t, CALL(t, epoll_ctl, set->fd, t->outer, EPOLL_CTL_ADD, set->fd, &event) == 0);
        set->inside = true;
    }
    // limits.md: a set becomes readable at a deadline that may have moved meanwhile (and where sent bytes are looked at).
    bool sure = false, maybe = world->children || t->clock || world->way >= HOURS, inet = set->clock;
    for (int i = 0; i < REGS; i++) {
        struct reg *reg = &set->regs[i];
        if (!reg->used || !reg->armed)
            continue;
        sure |= due(reg);
        inet |= is_inet(reg->conn);
        maybe |= timed(t, &reg->conn->end[reg->side]) || perhaps(t, reg->conn, reg->side, reg->events & BITS, 0);
    }
    bool told = false;
    if (one_in(t, 2)) {
        struct pollfd p = {.fd = set->fd, .events = POLLIN};
        long n = CALL(t, poll, set->fd, &p, 1, inet && sure ? ARRIVES : 0);
        if (n < 0 && world->faults)
            return;
        told = n == 1;
    } else {
        struct epoll_event events[SETS];
        long n = CALL(t, epoll_wait, t->outer, t->outer, events, SETS, inet && sure ? ARRIVES : 0);
        if (n < 0 && world->faults)
            return;
        for (long i = 0; i < n; i++)
            told |= events[i].data.u64 == (uint64_t)(set - t->sets);
        // With several inside, the others may have been first.
        if (n > 0 && !told && inet)
            return;
    }
    if (sure && !told && !world->children)
        fault(t, "set %d has something to report, and what it is in does not say so", set->fd);
    if (told && !maybe)
        fault(t, "set %d has nothing to report, and what it is in says so", set->fd);
}

static void close_set(struct thread *t, struct set *set) {
    for (int i = 0; i < REGS; i++)
        if (set->regs[i].used)
            forget(&set->regs[i]);
    disown(t, set->fd);
    MUST(t, CALL(t, close, set->fd, set->fd) == 0);
    set->fd = -1;
}

// Sets come and go; now and then one moves to another number.
void do_epoll_sets(struct thread *t) {
    struct set *set = &t->sets[below(t, SETS)];
    if (set->fd < 0)
        return;
    if (one_in(t, 3)) {
        close_set(t, set);
        return;
    }
    int fd = own(t, (int)CALL(t, dup, set->fd, set->fd));
    // The registration in the outer set belongs to the number that is closed.
    if (set->inside)
        MUST(t, CALL(t, epoll_ctl, set->fd, t->outer, EPOLL_CTL_DEL, set->fd, NULL) == 0);
    set->inside = false;
    disown(t, set->fd);
    MUST(t, CALL(t, close, set->fd, set->fd) == 0);
    set->fd = fd;
}

void close_sets(struct thread *t) {
    for (int i = 0; i < SETS; i++)
        if (t->sets[i].fd >= 0)
            close_set(t, &t->sets[i]);
}
