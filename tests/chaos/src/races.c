// What other threads do to a thread that waits: close and reuse its number, cancel it, make it jump, move its deadline, read with it.
#include "chaos.h"

static struct conn *fresh(struct thread *t) {
    static const enum kind kinds[] = {STREAM, TCP, SEQPACKET, UDP, DATAGRAM};
    static const enum policy policies[] = {NONE, READ_30, V6_READ_25, LIFETIME_300};
    enum kind kind = kinds[below(t, 5)];
    struct conn *c = whole(t, kind, kind == TCP ? policies[below(t, 4)] : kind == STREAM && one_in(t, 2) ? UNIX_READ_45 : NONE);
    for (int s = 0; s < 2; s++) {
        struct end *e = &c->end[s];
        struct timeval zero = {0};
        if (e->so_rcv)
            MUST(t, CALL(t, setsockopt, e->fds[0], e->fds[0], SOL_SOCKET, SO_RCVTIMEO, &zero, sizeof zero) == 0);
        e->so_rcv = 0;
    }
    return c;
}

// Its bytes still come whole, and its options are its own.
static void still_works(struct thread *t, struct conn *c) {
    if (c->end[0].lifetime_at)
        return;
    for (int s = 0; s < 2; s++) {
        round_trip(t, c, s);
        check_end(t, c, s);
    }
}

// A thread reads; its number is closed, and a stranger's socket with bytes in it comes to be there.
void wait_reused(struct thread *t) {
    unsigned char bytes[512];
    // A read that is interrupted by nothing (`stray`) is made anew by the kernel: with the number, which is the stranger's by then.
    if (world->children)
        return;
    struct conn *c = fresh(t);
    int side = (int)below(t, 2);
    struct end *e = &c->end[side];
    while (e->n > 1)
        close_number(t, c, side, 0);
    if (e->nonblock)
        set_blocking(t, c, side, true);
    while (!free_conn(t)) {
        struct conn *other = any_conn(t);
        if (other != c)
            close_conn(t, other);
    }
    struct conn *stranger = open_kind(t, c->kind == DATAGRAM ? DATAGRAM : STREAM, NONE);
    while (send_some(t, stranger, 1, 32) < 0)
        ;
    int fd = e->fds[0];
    promise(t, c, 1 - side, 16);
    t->job.fd = fd;
    t->job.other = stranger->end[0].fds[0];
    t->job.next = c->end[1 - side].fds[0];
    ask(t, REPLACE, 0);
    int64_t before = now();
    if (timed(t, e))
        begin_wait(t, e, READ, before);
    long n = one_in(t, 2) ? CALL(t, read, fd, fd, bytes, sizeof bytes) : CALL(t, recv, fd, fd, bytes, sizeof bytes, 0);
    int error = errno;
    bool expired = n < 0 && error == ETIMEDOUT && may_expire(t, e, READ, now());
    join(t);
    if (n > 0) {
        struct dir *d = &c->dir[1 - side];
        compare(t, c, 1 - side, is_message(c) ? d->at[d->first % RING] : d->got, bytes, (size_t)n);
    } else if (n == 0 || !(expired || error == EBADF || (world->faults && (error == EINTR || gone(error))))) {
        fault(t, "a read whose number was closed answered %ld (%s)", n, n ? strerrorname_np(error) : "-");
    }
    // The number is the stranger's now.
    e->n = 0;
    stranger->end[0].fds[stranger->end[0].n++] = fd;
    c->dirty = true;
    ended(t, c, side);
    if (c->used)
        close_conn(t, c);
    drain(t, stranger, 0);
    if (waiting(stranger, 0))
        fault(t, "bytes of the socket that came to number %d are gone", fd);
}

// ---- Cancellation ---------------------------------------------------------------------------------------------------------

struct victim {
    int fd, how, set;
    atomic_int tid;
};

static void *be_cancelled(void *of) {
    struct victim *victim = of;
    char bytes[64];
    struct pollfd p = {.fd = victim->fd, .events = POLLIN};
    struct epoll_event event;
    atomic_store(&victim->tid, gettid());
    for (;;)
        switch (victim->how) {
            case 0: read(victim->fd, bytes, sizeof bytes); break;
            case 1: recv(victim->fd, bytes, sizeof bytes, 0); break;
            case 2: poll(&p, 1, -1); break;
            default: epoll_wait(victim->set, &event, 1, -1); break;
        }
    return NULL;
}

void wait_cancelled(struct thread *t) {
    struct conn *c = whole(t, one_in(t, 2) ? STREAM : TCP, NONE);
    struct end *e = &c->end[0];
    if (e->nonblock)
        set_blocking(t, c, 0, true);
    if (e->so_rcv)
        return;
    struct victim victim = {.fd = a_number(t, e), .how = (int)below(t, 4), .set = -1};
    struct epoll_event event = {.events = EPOLLIN};
    if (victim.how == 3) {
        victim.set = own(t, (int)CALL(t, epoll_create1, -1, EPOLL_CLOEXEC));
        MUST(t, CALL(t, epoll_ctl, victim.fd, victim.set, EPOLL_CTL_ADD, victim.fd, &event) == 0);
    }
    pthread_t thread;
    MUST(t, pthread_create(&thread, NULL, be_cancelled, &victim) == 0);
    int64_t until = now() + SECOND;
    for (int seen = 0; seen < 2 && now() < until;) {
        seen = atomic_load(&victim.tid) && asleep(atomic_load(&victim.tid)) ? seen + 1 : 0;
        pause_ns(100000);
    }
    void *result = NULL;
    MUST(t, pthread_cancel(thread) == 0);
    MUST(t, pthread_join(thread, &result) == 0);
    if (result != PTHREAD_CANCELED)
        fault(t, "a thread that waits on %d was cancelled and ended with %p", victim.fd, result);
    t->calls++;
    if (victim.set >= 0) {
        disown(t, victim.set);
        MUST(t, CALL(t, close, victim.set, victim.set) == 0);
    }
    still_works(t, c);
}

// ---- Jumps ----------------------------------------------------------------------------------------------------------------

void wait_jumped(struct thread *t) {
    struct conn *volatile c = whole(t, one_in(t, 2) ? STREAM : TCP, NONE);
    struct end *e = &c->end[0];
    if (e->nonblock)
        set_blocking(t, c, 0, true);
    if (e->so_rcv)
        return;
    int fd = a_number(t, e), how = (int)below(t, 3);
    may_jump(t);
    if (sigsetjmp(t->jump, 1) == 0) {
        char bytes[64];
        struct pollfd p = {.fd = fd, .events = POLLIN};
        t->jumpable = 1;
        ask(t, JUMP, 0);
        long n;
        do {
            n = how == 0   ? CALL(t, read, fd, fd, bytes, sizeof bytes)
                : how == 1 ? CALL(t, recv, fd, fd, bytes, sizeof bytes, 0)
                           : CALL(t, poll, fd, &p, 1, -1);
        } while (n < 0 && world->faults);
        fault(t, "a wait on %d that only a jump can end answered %ld", fd, n);
    }
    note_call(t, -1);
    join(t);
    still_works(t, c);
}

// ---- Deadlines that other threads move ------------------------------------------------------------------------------------

void wait_moved(struct thread *t) {
    if (world->way != MOVABLE)
        return;
    unsigned char bytes[64];
    static const enum kind kinds[] = {STREAM, TCP, UDP, SEQPACKET};
    struct conn *c = whole(t, kinds[below(t, 4)], NONE);
    struct end *e = &c->end[0];
    int fd = a_number(t, e);
    bool reads = one_in(t, 2);
    if (e->nonblock == reads)
        set_blocking(t, c, 0, reads);
    if (e->so_rcv)
        return;
    // Before the wait it lies far away, or near, or there is none; then it is moved: to soon, or to the past.
    int64_t first = one_in(t, 3) ? 0 : now() + (one_in(t, 2) ? HOUR : 10 * MS), second = one_in(t, 3) ? 1 : now() + 20 * MS;
    e->nd_read = first;
    MUST(t, CALL(t, nd_set_read_deadline, fd, fd, first) == 0);
    t->job.conn = c;
    t->job.side = 0;
    t->job.fd = a_number(t, e);
    t->job.when = second;
    int64_t began = now(), earliest = first && first < second ? first : second;
    ask(t, MOVE_READ, below(t, 3 * MS));
    long n;
    if (reads) {
        while ((n = CALL(t, read, fd, fd, bytes, sizeof bytes)) < 0 && errno != ETIMEDOUT && world->faults)
            ;
        if (n != -1 || errno != ETIMEDOUT)
            fault(t, "a read on %d whose deadline is moved answered %ld (%s)", fd, n, strerrorname_np(errno));
    } else {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        struct epoll_event event = {.events = EPOLLIN};
        int set = -1;
        if (one_in(t, 2)) {
            set = own(t, (int)CALL(t, epoll_create1, -1, EPOLL_CLOEXEC));
            MUST(t, CALL(t, epoll_ctl, fd, set, EPOLL_CTL_ADD, fd, &event) == 0);
        }
        while ((n = set < 0 ? CALL(t, poll, fd, &p, 1, -1) : CALL(t, epoll_wait, set, set, &event, 1, -1)) < 0 && (world->faults || stray(t)))
            ;
        if (n != 1)
            fault(t, "a wait for %d whose deadline is moved answered %ld", fd, n);
        if (set >= 0) {
            disown(t, set);
            MUST(t, CALL(t, close, set, set) == 0);
        }
    }
    int64_t at = now();
    t->waits++;
    if (at < earliest)
        fault(t, "a wait on %d ended %lld ns before the earliest of its deadlines: EARLY", fd, (long long)(earliest - at));
    if (at > (second > began ? second : began) + LATE)
        fault(t, "a wait on %d ended %lld ms after its deadline", fd, (long long)((at - second) / MS));
    join(t);
    e->nd_read = 0;
    MUST(t, CALL(t, nd_set_read_deadline, fd, fd, 0) == 0);
    still_works(t, c);
}

// ---- Several readers ------------------------------------------------------------------------------------------------------

#define MESSAGES 24

struct readers {
    int fd[2];
    atomic_int seen[MESSAGES], stops;
    atomic_uint foreign, strange;
    uint32_t id;
};

struct letter {
    uint32_t id, number;
    uint64_t check;
};

static void *read_letters(void *of) {
    struct readers *readers = of;
    static atomic_int which;
    int fd = readers->fd[atomic_fetch_add(&which, 1) & 1];
    for (;;) {
        struct letter letter;
        ssize_t n = read(fd, &letter, sizeof letter);
        if (n < 0 && (errno == EAGAIN || errno == EINTR || (world->faults && gone(errno))))
            continue; // its SO_RCVTIMEO, or a fault
        if (n != sizeof letter) {
            atomic_fetch_add(&readers->strange, 1);
            return NULL;
        }
        if (letter.id != readers->id || letter.check != mix(letter.number + ((uint64_t)letter.id << 32))) {
            atomic_fetch_add(&readers->foreign, 1);
            return NULL;
        }
        if (letter.number >= MESSAGES)
            return NULL;
        atomic_fetch_add(&readers->seen[letter.number], 1);
    }
}

// Two threads read from one socket: each message comes to one of them, once.
void wait_shared(struct thread *t) {
    struct conn *c = whole(t, one_in(t, 2) ? SEQPACKET : one_in(t, 2) ? DATAGRAM : UDP, NONE);
    struct end *e = &c->end[0];
    for (int s = 0; s < 2; s++)
        if (c->end[s].nonblock)
            set_blocking(t, c, s, true);
    struct timeval timeout = timeval_of(one_in(t, 2) ? 20 * MS : 0);
    MUST(t, CALL(t, setsockopt, e->fds[0], e->fds[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0);
    struct readers readers = {.fd = {a_number(t, e), a_number(t, e)}, .id = c->id};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        MUST(t, pthread_create(&threads[i], NULL, read_letters, &readers) == 0);
    int to = a_number(t, &c->end[1]);
    for (uint32_t i = 0; i < MESSAGES + 2; i++) {
        struct letter letter = {.id = c->id, .number = i, .check = mix(i + ((uint64_t)c->id << 32))};
        if (one_in(t, 6))
            pause_ns(below(t, 200000));
        long n;
        while ((n = CALL(t, send, to, to, &letter, sizeof letter, MSG_NOSIGNAL)) < 0 && (world->faults || errno == ETIMEDOUT || errno == EAGAIN))
            ;
        MUST(t, n == sizeof letter);
    }
    for (int i = 0; i < 2; i++)
        MUST(t, pthread_join(threads[i], NULL) == 0);
    t->calls += MESSAGES + 2;
    if (readers.foreign || readers.strange)
        fault(t, "of two readers %u saw a stranger's message and %u an error", readers.foreign, readers.strange);
    for (int i = 0; i < MESSAGES; i++)
        if (readers.seen[i] != 1)
            fault(t, "message %d of %d to two readers came %d times", i, MESSAGES, readers.seen[i]);
    timeout = timeval_of(0);
    MUST(t, CALL(t, setsockopt, e->fds[0], e->fds[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0);
    e->so_rcv = 0;
}
