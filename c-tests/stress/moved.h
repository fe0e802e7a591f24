// Properties of a deadline that is moved, or comes, while threads wait: passing, shortening, extending, clearing, several.
// One function is one round; false if the move came too late to show anything, and the round is to be done again.
#ifndef MOVED_H
#define MOVED_H

#include "workers.h"

// The socket of these rounds; a property that closes its own makes its own.
static struct nd_pair held;
static int64_t far_or_none(void) { return any(2) ? nd_now() + 60 * SEC : 0; }

// It comes by itself.
static bool passing(void) {
    int n = crew();
    int64_t when = nd_now() + up_to(2 * MS);
    CHECK_EQ(nd_set_read_deadline(held.client, when), 0);
    let_all(READ, held.client, 0, n);
    all_fail(0, n, ETIMEDOUT, when);
    return true;
}
// It is moved closer, up to the present and to what has long been.
static bool shortening(void) {
    int n = crew();
    CHECK_EQ(nd_set_read_deadline(held.client, far_or_none()), 0);
    let_all(READ, held.client, 0, n);
    some_phase(0, n);
    int64_t now = nd_now(), when = any(2) ? now + up_to(MS) : any(2) ? now : 1;
    CHECK_EQ((any(2) ? nd_set_read_deadline : nd_set_deadline)(held.client, when), 0);
    all_fail(0, n, ETIMEDOUT, when > now ? when : now);
    CHECK_EQ(nd_set_deadline(held.client, 0), 0);
    return true;
}
// It is put off before it comes, several times: nobody fails before the last instant.
static bool extending(void) {
    int n = crew(), times = 1 + (int)any(3);
    int64_t when = nd_now() + run.room;
    CHECK_EQ(nd_set_read_deadline(held.client, when), 0);
    let_all(READ, held.client, 0, n);
    some_phase(0, n);
    bool in_time = true;
    for (int i = 0; i < times && in_time; i++) {
        if (any(2)) nd_sleep(up_to(run.room / 4));
        int64_t later = nd_now() + run.room + up_to(2 * MS);
        if (later <= when) later = when + MS;
        CHECK_EQ(nd_set_read_deadline(held.client, later), 0);
        in_time = nd_now() < when;
        if (in_time) when = later;
    }
    if (in_time) {
        all_fail(0, n, ETIMEDOUT, when);
        return true;
    }
    CHECK_EQ(nd_set_read_deadline(held.client, 1), 0);
    for (int i = 0; i < n; i++) {
        workers[i].empty = 0;
        join(&workers[i]);
        if (workers[i].result != -1 || workers[i].error != ETIMEDOUT || workers[i].ended < when)
            WRONG("a deadline that was put off too late: %ld, errno %d", workers[i].result, workers[i].error);
    }
    return false;
}
// It is taken away before it comes: nobody fails, and data that comes long after it arrives intact.
static bool clearing(void) {
    int n = crew();
    int64_t when = nd_now() + run.room;
    CHECK_EQ(nd_set_read_deadline(held.client, when), 0);
    let_all(READ, held.client, 0, n);
    some_phase(0, n);
    CHECK_EQ((any(2) ? nd_set_read_deadline : nd_set_deadline)(held.client, 0), 0);
    if (nd_now() >= when) {
        CHECK_EQ(nd_set_read_deadline(held.client, 1), 0);
        for (int i = 0; i < n; i++) join(&workers[i]);
        return false;
    }
    until(when + up_to(MS));
    must_wait(0, n, "its deadline was cleared");
    send_bytes(held.peer, 'a', n);
    all_get(0, n, 'a');
    for (int i = 0; i < n; i++)
        if (workers[i].ended < when) WRONG("data before it was sent");
    return true;
}

// Moves it about, never to before `from`, and at last to `to`.
static void moves_about(struct worker *w) {
    for (int i = 0; i < 10; i++) {
        w->state = w->state * 6364136223846793005 + 1442695040888963407;
        CHECK_EQ(nd_set_read_deadline(w->fd, i % 3 == 2 ? 0 : w->from + (int64_t)(w->state >> 33) % (3 * MS)), 0);
    }
    CHECK_EQ(nd_set_read_deadline(w->fd, w->to), 0);
}
// Six wait, two move at the same time as we do: all six fail, none before the earliest instant that anybody named.
static bool several(void) {
    int n = WORKERS - 2;
    CHECK_EQ(nd_set_read_deadline(held.client, far_or_none()), 0);
    let_all(READ, held.client, 0, n);
    some_phase(0, n);
    int64_t from = nd_now() + up_to(MS);
    for (int i = n; i < WORKERS; i++) {
        struct worker *w = &workers[i];
        order(w, MOVE, held.client);
        w->move = moves_about;
        w->from = from;
        w->to = from + up_to(MS);
        go(w);
    }
    for (int i = 0; i < 10; i++) CHECK_EQ(nd_set_read_deadline(held.client, i % 4 ? from + up_to(2 * MS) : 0), 0);
    CHECK_EQ(nd_set_read_deadline(held.client, from + up_to(MS)), 0);
    for (int i = n; i < WORKERS; i++) join(&workers[i]);
    size_t before = waits.count;
    for (int i = 0; i < n; i++) {
        struct worker *w = &workers[i];
        join(w);
        // An instant came, and was moved away before the read that followed.
        if (w->empty && w->told < from) WRONG("thread %d: told ready early by %.3f ms", i, (double)(from - w->told) / 1e6);
        w->empty = 0;
        sem_post(&w->done);
    }
    all_fail(0, n, ETIMEDOUT, from);
    // Which of the instants it was is nobody's to know, and so neither is how long it took.
    waits.count = before;
    return true;
}
#endif
