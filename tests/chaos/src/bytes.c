// The bytes: each says whose it is, and where it stands. And the words of a failure.
#include "chaos.h"

// The eight bytes from position 8 * `word` of what end `side` of `c` sends.
static uint64_t pattern(const struct conn *c, int side, uint64_t word) {
    uint64_t it = (((uint64_t)c->id << 1 | side) * 0x9e3779b97f4a7c15u + word + 1) * 0xff51afd7ed558ccdu;
    return it ^ (it >> 32);
}

static unsigned char byte_at(const struct conn *c, int side, uint64_t at) {
    return (unsigned char)(pattern(c, side, at / 8) >> at % 8 * 8);
}

void fill(const struct conn *c, int side, uint64_t at, unsigned char *to, size_t length) {
    size_t i = 0;
    while (i < length && (at + i) % 8)
        to[i] = byte_at(c, side, at + i), i++;
    for (; i + 8 <= length; i += 8) {
        uint64_t word = pattern(c, side, (at + i) / 8);
        memcpy(to + i, &word, 8);
    }
    for (; i < length; i++)
        to[i] = byte_at(c, side, at + i);
}

static bool matches(const struct conn *c, int side, uint64_t at, const unsigned char *seen, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (seen[i] != byte_at(c, side, at + i))
            return false;
    return true;
}

// Whose bytes are these? Only asked when they are wrong, so it may look everywhere.
static void explain(const struct conn *mine, int side, uint64_t at, const unsigned char *seen, size_t length) {
    size_t known = length < 16 ? length : 16;
    for (int i = 0; i < world->threads; i++)
        for (int j = 0; j < CONNS; j++) {
            const struct conn *c = &world->thread[i].conns[j];
            for (int s = 0; s < 2; s++) {
                uint64_t from = c->dir[s].got > 8192 ? c->dir[s].got - 8192 : 0;
                for (uint64_t p = from; c->id && p < c->dir[s].sent + 16; p++)
                    if (matches(c, s, p, seen, known)) {
                        fprintf(stderr, "  these are connection %x's, from end %d, position %llu: %s\n", c->id, s,
                                (unsigned long long)p,
                                c != mine || s != side ? "FOREIGN BYTES"
                                : p < at               ? "bytes come TWICE or out of order"
                                                       : "bytes are LOST or out of order");
                        return;
                    }
            }
        }
    fprintf(stderr, "  nobody's bytes that are under way now\n");
}

void compare(struct thread *t, const struct conn *c, int side, uint64_t at, const unsigned char *seen, size_t length) {
    unsigned char wanted[8192];
    fill(c, side, at, wanted, length);
    if (memcmp(wanted, seen, length) == 0)
        return;
    size_t i = 0;
    while (wanted[i] == seen[i])
        i++;
    fprintf(stderr, "wrong byte %zu of %zu read, connection %x from end %d, position %llu\n", i, length, c->id, side,
            (unsigned long long)(at + i));
    explain(c, side, at + i, seen + i, length - i);
    fault(t, "wrong bytes");
}

// ---- Failures -------------------------------------------------------------------------------------------------------------

static void show_call(const struct call *call) {
    long long ago = (now() - call->at) / MS;
    if (call->result == -99)
        fprintf(stderr, "    op %llu %s(%d) UNDER WAY for %lld ms\n", (unsigned long long)call->op, call->name, call->fd, ago);
    else
        fprintf(stderr, "    op %llu %s(%d) = %ld%s%s, %lld ms ago\n", (unsigned long long)call->op, call->name, call->fd, call->result,
                call->result < 0 ? " " : "", call->result < 0 ? strerrorname_np(call->error) : "", ago);
}

static bool has_number(const struct end *e, int fd) {
    for (int k = 0; k < e->n; k++)
        if (e->fds[k] == fd)
            return true;
    return false;
}

void show_thread(struct thread *t) {
    fprintf(stderr, "  thread %d (%s), operation %llu, in %s; its last calls:\n", t->number, t->waiter ? "waits" : "hammers",
            (unsigned long long)t->op, t->doing ? t->doing : "nothing");
    for (unsigned i = t->logged > 24 ? t->logged - 24 : 0; i <= t->logged; i++) {
        struct call *call = &t->log[i % LOG];
        if (!call->name || (i == t->logged && call->result != -99))
            continue;
        show_call(call);
    }
    static const struct end nothing;
    const struct end *e = t->focus ? t->focus : &nothing;
    int64_t at = now();
    fprintf(stderr, "    end with SO_RCVTIMEO %lld ms, SO_SNDTIMEO %lld; read clock since %lld us, write clock %lld us; its calls:\n",
            (long long)(e->so_rcv / MS), (long long)(e->so_snd / MS), e->wait_read ? (long long)(at - e->wait_read) / 1000 : 0,
            e->wait_write ? (long long)(at - e->wait_write) / 1000 : 0);
    unsigned from = t->logged;
    for (unsigned shown = 0; from && t->logged - from < LOG - 1 && shown < 60; from--)
        shown += has_number(e, t->log[(from - 1) % LOG].fd);
    for (; from < t->logged; from++)
        if (has_number(e, t->log[from % LOG].fd))
            show_call(&t->log[from % LOG]);
    for (int i = 0; i < CONNS; i++) {
        struct conn *c = &t->conns[i];
        if (!c->used)
            continue;
        fprintf(stderr, "    connection %x kind %d policy %d%s:", c->id, c->kind, c->policy, c->dirty ? " dirty" : "");
        for (int s = 0; s < 2; s++) {
            struct end *e = &c->end[s];
            fprintf(stderr, " end %d [", s);
            for (int k = 0; k < e->n; k++)
                fprintf(stderr, "%s%d", k ? " " : "", e->fds[k]);
            fprintf(stderr, "]%s%s waiting %llu;", e->nonblock ? " nonblock" : "", e->shut ? " shut" : "",
                    (unsigned long long)waiting(c, s));
        }
        fprintf(stderr, "\n");
    }
}

_Noreturn void fault(struct thread *t, const char *format, ...) {
    static atomic_flag told = ATOMIC_FLAG_INIT;
    if (atomic_flag_test_and_set(&told))
        for (;;)
            pause(); // the first one ends the process
    va_list words;
    va_start(words, format);
    fprintf(stderr, "FAULT: ");
    vfprintf(stderr, format, words);
    fprintf(stderr, "\n  seed %llu%s\n", (unsigned long long)world->seed, t->child ? ", in a forked child" : "");
    if (t->seen_set)
        show_set(t);
    show_thread(t);
    fflush(stderr);
    _exit(3);
}
