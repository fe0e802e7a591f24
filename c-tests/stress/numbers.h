// Properties of descriptors' numbers: close wakes who waits, a number used again has no deadline, dup shares it.
#ifndef NUMBERS_H
#define NUMBERS_H

#include "moved.h"

// Deadlines that never come, until there is no socket to have them.
static void moves_until_closed(struct worker *w) {
    while (!nd_set_read_deadline(w->fd, nd_now() + 60 * SEC)) {}
    if (errno != EBADF) FAIL("nd_set_read_deadline of a closed number: %s", strerror(errno));
}
// Blocking calls fail with EBADF and polls say POLLNVAL, while another thread moves the deadline. A set tells nothing of a number
// that left it, as in Linux.
static bool closing(void) {
    int n = crew() - 1;
    struct nd_pair pair = new_pair();
    CHECK_EQ(nd_set_read_deadline(pair.client, far_or_none()), 0);
    for (int i = 0; i < n; i++) {
        order(&workers[i], READ, pair.client);
        if (run.way == EPOLL) workers[i].timeout_ms = 10;
        go(&workers[i]);
    }
    struct worker *mover = &workers[n];
    order(mover, MOVE, pair.client);
    mover->move = moves_until_closed;
    // A set that a thread is about to make would get the number that is free then.
    if (run.way == EPOLL) all_asleep(0, n);
    else some_phase(0, n);
    bool moves = any(2);
    if (moves) go(mover);
    if (moves) spin(up_to(50000));
    int64_t now = nd_now();
    CHECK_EQ((any(2) ? close : nd_close)(pair.client), 0);
    for (int i = 0; i < n; i++) {
        if (run.way != EPOLL) {
            must_fail(&workers[i], EBADF, now);
            continue;
        }
        join(&workers[i]);
        if (workers[i].result || workers[i].revents)
            WRONG("a closed number: epoll_wait tells %x, the call is %ld with errno %d", (unsigned)workers[i].revents,
                  workers[i].result, workers[i].error);
    }
    if (moves) join(mover);
    nd_raw_close(pair.peer);
    return true;
}

// Half of the threads wait on a socket whose deadline comes about when its number is closed and another's; the other half waits
// on that other one, for as long as it takes.
static bool reuse(void) {
    int half = crew() / 2, n = half * 2;
    struct nd_pair old = new_pair(), next = {0};
    CHECK_EQ(nd_set_deadline(old.client, any(2) ? nd_now() + 60 * SEC : 0), 0);
    for (int i = 0; i < half; i++) {
        // What reads a number after the wait may read the next one's bytes, and rightly.
        order(&workers[i], run.way == BLOCKING ? READ : LOOK, old.client);
        workers[i].timeout_ms = 20;
        go(&workers[i]);
    }
    all_asleep(0, half);
    bool over = any(2);
    if (over) next = new_pair();
    int64_t now = nd_now(), when = any(4) ? now + up_to(MS / 2) : 1;
    CHECK_EQ(nd_set_deadline(old.client, when), 0);
    if (any(2)) spin(up_to(300000));
    int64_t closed = nd_now();
    if (over) {
        MUST(dup2(next.client, old.client));
        CHECK_EQ(close(next.client), 0);
        next.client = old.client;
    } else {
        CHECK_EQ((any(2) ? close : nd_close)(old.client), 0);
        next = new_pair();
        if (next.client != old.client) {
            if (next.peer == old.client) next.peer = MUST(fcntl(next.peer, F_DUPFD_CLOEXEC, 100));
            MUST(dup2(next.client, old.client));
            CHECK_EQ(close(next.client), 0);
            next.client = old.client;
        }
    }
    let_all(READ, next.client, half, n);
    until(when + up_to(MS));
    some_phase(half, n);
    must_wait(half, n, "the deadline was another socket's");
    send_bytes(next.peer, 'A', n - half);
    all_get(half, n, 'A');
    int64_t reads = 7, writes = 7;
    CHECK_EQ(nd_get_deadlines(next.client, &reads, &writes), 0);
    CHECK_EQ(reads, 0);
    CHECK_EQ(writes, 0);
    int64_t first = when > now ? when : now;
    if (closed < first) first = closed;
    for (int i = 0; i < half; i++) {
        struct worker *w = &workers[i];
        join(w);
        // A set tells nothing of a number that left it; a poll that looks again finds the number's next socket, which may not be
        // connected yet.
        bool quiet = run.way != BLOCKING && w->result == 0 && w->revents == 0;
        if (quiet || (run.way == POLL && w->result == 0 && w->revents == POLLHUP)) continue;
        if (w->ended < first) WRONG("a wait on what was closed later ended early by %.3f ms", (double)(first - w->ended) / 1e6);
        bool failed = w->result == -1 && (w->error == EBADF || (run.way == BLOCKING && w->error == ETIMEDOUT));
        if (!failed && (run.way == BLOCKING || !(w->revents & POLLIN) || w->ended < (when > now ? when : now)))
            WRONG("a wait on a number that became another's: %ld, errno %d (%s), bits %x", w->result, w->error,
                  strerror(w->error), (unsigned)w->revents);
    }
    close(next.client);
    nd_raw_close(old.peer);
    nd_raw_close(next.peer);
    return true;
}

// Set by one number it holds for those who wait by either, and goes on where that number is closed.
static bool dups(void) {
    int n = crew();
    bool closes = any(3) == 0;
    CHECK_EQ(nd_set_read_deadline(held.client, far_or_none()), 0);
    int other = any(2) ? MUST(dup(held.client)) : MUST(fcntl(held.client, F_DUPFD_CLOEXEC, 50));
    for (int i = 0; i < n; i++) {
        order(&workers[i], READ, i % 2 && !closes ? other : held.client);
        go(&workers[i]);
    }
    some_phase(0, n);
    bool by_other = closes || any(2);
    int64_t now = nd_now(), when = any(3) ? now + up_to(MS) : 1, reads = 7;
    CHECK_EQ(nd_set_read_deadline(by_other ? other : held.client, when), 0);
    CHECK_EQ(nd_get_deadlines(by_other ? held.client : other, &reads, NULL), 0);
    CHECK_EQ(reads, when);
    if (closes) CHECK_EQ(close(other), 0);
    all_fail(0, n, ETIMEDOUT, when > now ? when : now);
    if (!closes) CHECK_EQ(close(other), 0);
    CHECK_EQ(nd_set_deadline(held.client, 0), 0);
    return true;
}
#endif
