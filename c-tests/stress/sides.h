// Properties of what a deadline is for: the past, reads and writes apart, accept and connect, the scope of one thread.
#ifndef SIDES_H
#define SIDES_H

#include "moved.h"

static void arrived(int fd) {
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    struct timespec bound = {.tv_sec = MISS / SEC};
    if (nd_raw(SYS_ppoll, (long)&entry, 1, (long)&bound, 0, 8, 0) != 1) FAIL("what was sent does not arrive");
}
// All fail at once and nothing moves: not what is there to be read, nor what there is room for.
static bool past(void) {
    int n = crew();
    bool writes = any(3) == 0;
    int64_t now = nd_now(), when = any(3) == 0 ? 1 : any(2) ? now : -5;
    if (!writes) {
        send_bytes(held.peer, 'k', n);
        arrived(held.client);
    }
    CHECK_EQ((any(2) ? nd_set_deadline : writes ? nd_set_write_deadline : nd_set_read_deadline)(held.client, when), 0);
    let_all(writes ? WRITE : READ, held.client, 0, n);
    all_fail(0, n, ETIMEDOUT, now);
    CHECK_EQ(nd_set_deadline(held.client, 0), 0);
    if (writes) {
        char byte;
        CHECK_EQ(nd_raw(SYS_recvfrom, held.peer, (long)&byte, 1, MSG_DONTWAIT, 0, 0), -EAGAIN);
        return true;
    }
    let_all(READ, held.client, 0, n);
    all_get(0, n, 'k');
    return true;
}

static void must_write(int from, int to) {
    for (int i = from; i < to; i++) {
        join(&workers[i]);
        if (workers[i].result != 1)
            WRONG("thread %d: a write is %ld, errno %d (%s)", i, workers[i].result, workers[i].error, strerror(workers[i].error));
    }
    nd_drain(held.peer);
}
// The deadline of one direction fails those of this direction, while the others wait on: the first half reads, the second writes
// to a socket without room, which a datagram's always has.
static bool independent(void) {
    int half = crew() / 2, n = half * 2;
    bool streams = api_is_stream(run.kind), reads_first = any(2);
    CHECK_EQ(nd_set_deadline(held.client, streams ? far_or_none() : 0), 0);
    let_all(READ, held.client, 0, half);
    if (streams) let_all(WRITE, held.client, half, n);
    some_phase(0, streams ? n : half);
    int64_t now = nd_now(), when = now + up_to(MS);
    if (reads_first) {
        CHECK_EQ(nd_set_read_deadline(held.client, when), 0);
        all_fail(0, half, ETIMEDOUT, when);
        if (!streams) {
            let_all(WRITE, held.client, half, n);
            must_write(half, n);
        } else {
            must_wait(half, n, "the deadline was for reads");
            when = nd_now() + up_to(MS / 2);
            CHECK_EQ(nd_set_write_deadline(held.client, when), 0);
            all_fail(half, n, ETIMEDOUT, when);
        }
    } else {
        CHECK_EQ(nd_set_write_deadline(held.client, when), 0);
        if (!streams) {
            until(when);
            let_all(WRITE, held.client, half, n);
        }
        all_fail(half, n, ETIMEDOUT, when);
        must_wait(0, half, "the deadline was for writes");
        send_bytes(held.peer, 'i', half);
        all_get(0, half, 'i');
    }
    CHECK_EQ(nd_set_deadline(held.client, 0), 0);
    return true;
}

// ---- accept and connect ----
static struct sockaddr_un listening;
static socklen_t listening_size;
static int listener(int backlog) {
    if (run.kind == API_TCP) {
        listening_size = sizeof(struct sockaddr_in);
        return nd_listener(backlog, (struct sockaddr_in *)&listening);
    }
    // No path: the kernel chooses a name.
    int fd = MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    listening = (struct sockaddr_un){.sun_family = AF_UNIX};
    MUST(bind(fd, (struct sockaddr *)&listening, sizeof listening.sun_family));
    listening_size = sizeof listening;
    MUST(getsockname(fd, (struct sockaddr *)&listening, &listening_size));
    MUST(listen(fd, backlog));
    return fd;
}
static int raw_socket(int flags) {
    long fd = nd_raw(SYS_socket, listening.sun_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, 0, 0, 0);
    if (fd < 0) FAIL("socket: %s", strerror((int)-fd));
    return (int)fd;
}
// All who wait to accept fail; sometimes somebody comes first, whom one of them gets.
static bool accepting(void) {
    int n = crew(), guest = -1, got = 0;
    CHECK_EQ(nd_set_deadline(held.client, far_or_none()), 0);
    let_all(ACCEPT, held.client, 0, n);
    some_phase(0, n);
    if (any(4) == 0) {
        guest = raw_socket(0);
        CHECK_EQ(nd_raw(SYS_connect, guest, (long)&listening, listening_size, 0, 0, 0), 0);
        for (int64_t end = nd_now() + MISS; !got && nd_now() < end; nd_sleep(MS / 20))
            for (int i = 0; i < n; i++) got += has_ended(&workers[i]);
        if (got != 1) WRONG("%d threads have ended, and one connection was to be accepted", got);
    }
    int64_t now = nd_now(), when = any(2) ? now + up_to(MS) : any(2) ? now : 1;
    CHECK_EQ((any(2) ? nd_set_read_deadline : nd_set_deadline)(held.client, when), 0);
    for (int i = 0; i < n; i++) {
        struct worker *w = &workers[i];
        if (guest >= 0) {
            join(w);
            if (w->result >= 0) nd_raw_close((int)w->result), got--;
            if (w->result >= 0) continue;
            // The others may have been woken by it, too.
            w->empty = 0;
            sem_post(&w->done);
        }
        must_fail(w, ETIMEDOUT, when > now ? when : now);
    }
    if (got) WRONG("%d connections were not accepted", got);
    if (guest >= 0) nd_raw_close(guest);
    CHECK_EQ(nd_set_deadline(held.client, 0), 0);
    return true;
}
// A listener that takes nobody any more.
static void full_backlog(void) {
    if (run.kind == API_TCP) {
        static struct nd_hole hole;
        hole = nd_black_hole();
        memcpy(&listening, &hole.at, sizeof hole.at);
        listening_size = sizeof hole.at;
        return;
    }
    held.client = listener(0);
    long made;
    do {
        int fd = raw_socket(SOCK_NONBLOCK);
        made = nd_raw(SYS_connect, fd, (long)&listening, listening_size, 0, 0, 0);
        if (made < 0) nd_raw_close(fd);
    } while (!made);
    CHECK_EQ(made, -EAGAIN);
}
// Each connects a socket of its own.
static bool connecting(void) {
    int n = crew(), fds[WORKERS];
    bool soon = any(2);
    int64_t now = nd_now(), when = now + up_to(2 * MS);
    for (int i = 0; i < n; i++) {
        fds[i] = MUST(socket(listening.sun_family, SOCK_STREAM | SOCK_CLOEXEC | (run.way == BLOCKING ? 0 : SOCK_NONBLOCK), 0));
        CHECK_EQ(nd_set_write_deadline(fds[i], soon ? when : far_or_none()), 0);
        order(&workers[i], CONNECT, fds[i]);
        workers[i].address = &listening;
        workers[i].size = listening_size;
        go(&workers[i]);
    }
    if (!soon) {
        some_phase(0, n);
        now = nd_now();
        when = any(2) ? now + up_to(MS) : now;
        for (int i = 0; i < n; i++) CHECK_EQ((any(2) ? nd_set_write_deadline : nd_set_deadline)(fds[i], when), 0);
    }
    all_fail(0, n, ETIMEDOUT, when);
    for (int i = 0; i < n; i++) {
        if (run.kind == API_TCP && nd_tcp_state(fds[i]) == TCP_SYN_SENT) WRONG("the attempt goes on after its deadline");
        CHECK_EQ(close(fds[i]), 0);
    }
    return true;
}

// Every second thread is in a scope: it fails, and the others, who wait on the same socket, get what comes later.
static bool scope(void) {
    int n = crew(), inside = n / 2;
    int64_t when = nd_now() + up_to(2 * MS);
    for (int i = 0; i < n; i++) {
        order(&workers[i], READ, held.client);
        if (i < inside) workers[i].scope = when;
        go(&workers[i]);
    }
    all_fail(0, inside, ETIMEDOUT, when);
    some_phase(inside, n);
    must_wait(inside, n, "the scope was another thread's");
    send_bytes(held.peer, 's', n - inside);
    all_get(inside, n, 's');
    return true;
}
#endif
