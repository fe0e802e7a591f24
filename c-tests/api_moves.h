// Every way to move a deadline under operations that already wait, put to as many of them at once as a test has: to the
// past, to now, earlier, later, away, and one where there was none.
//
// Not here: the operations; a test brings them, each on a descriptor of its own.
#ifndef API_MOVES_H
#define API_MOVES_H
#include "api.h"

struct api_case {
    const struct nd_call *call;
    int fd;
    struct nd_pair pair;
    struct api_op op;
};
struct api_moves {
    struct api_case *cases;
    size_t count;
    int (*set)(int fd, int64_t when);
    // Makes what the case waits for come, so that its operation succeeds.
    void (*let)(struct api_case *one);
    // Before each round, where that has to be made anew (a socket that is to connect); or NULL.
    void (*renew)(struct api_case *one);
};

// All of them under the deadline `first`, asleep.
static void api_moves_begin(struct api_moves *moves, int64_t first) {
    for (size_t i = 0; i < moves->count; i++) {
        struct api_case *one = &moves->cases[i];
        if (moves->renew) moves->renew(one);
        CHECK_EQ(moves->set(one->fd, first), 0);
        api_start(&one->op, one->call, one->fd);
    }
    for (size_t i = 0; i < moves->count; i++) {
        while (!atomic_load(&moves->cases[i].op.tid)) nd_sleep(MS / 10);
        // The machine may have needed longer than the first deadline for that: then its end is the deadline's doing.
        if (first <= 0 || nd_now() < first - 100 * MS) api_until_asleep(atomic_load(&moves->cases[i].op.tid));
    }
}
// To `to`, which is no later than `first`; 0 there is none.
static void api_move_sooner(struct api_moves *moves, int64_t first, int64_t to_in, int64_t to_as_said) {
    int64_t set_at[64];
    api_moves_begin(moves, first);
    int64_t to = to_as_said ? to_as_said : nd_now() + to_in;
    for (size_t i = 0; i < moves->count; i++) {
        set_at[i] = nd_now();
        CHECK_EQ(moves->set(moves->cases[i].fd, to), 0);
    }
    for (size_t i = 0; i < moves->count; i++) CHECK_OP_EXPIRED(&moves->cases[i].op, to > set_at[i] ? to : set_at[i]);
}
// Later than the first deadline, or away: where `to_in` is 0.
static void api_move_on(struct api_moves *moves, int64_t to_in) {
    for (int64_t room = 300 * MS; room < 10 * SEC; room *= 3) {
        bool in_time = true;
        int64_t first = nd_now() + room, to = to_in ? first + to_in : 0;
        api_moves_begin(moves, first);
        for (size_t i = 0; i < moves->count; i++) CHECK_EQ(moves->set(moves->cases[i].fd, to), 0);
        // Too slow to say: some may have expired as they should. Once more, with more room.
        if (nd_now() >= first) in_time = false;
        if (!to && in_time) {
            nd_sleep(first + 50 * MS - nd_now());
            for (size_t i = 0; i < moves->count; i++) CHECK_OP_WAITS(&moves->cases[i].op);
            for (size_t i = 0; i < moves->count; i++) moves->let(&moves->cases[i]);
            for (size_t i = 0; i < moves->count; i++) CHECK_OP_MOVED(&moves->cases[i].op);
            return;
        }
        if (!to)
            for (size_t i = 0; i < moves->count; i++) CHECK_EQ(moves->set(moves->cases[i].fd, 1), 0);
        for (size_t i = 0; i < moves->count; i++)
            if (in_time) CHECK_OP_EXPIRED(&moves->cases[i].op, to);
            else api_join(&moves->cases[i].op);
        if (in_time) return;
    }
    SKIP("this machine is too slow to move a deadline within 8 s");
}
static void api_move_all_ways(struct api_moves *moves) {
    // Waits are movable from the first of these calls on.
    for (size_t i = 0; i < moves->count; i++)
        if (!moves->renew) CHECK_EQ(moves->set(moves->cases[i].fd, 0), 0);
    if (moves->count > 64) FAIL("%zu cases are too many", moves->count);
    api_move_sooner(moves, nd_now() + 60 * SEC, 0, 1);
    api_move_sooner(moves, 0, 0, -1);
    api_move_sooner(moves, INT64_MAX, 0, 0);
    api_move_sooner(moves, 0, 60 * MS, 0);
    api_move_sooner(moves, nd_now() + 60 * SEC, 60 * MS, 0);
    api_move_on(moves, 150 * MS);
    api_move_on(moves, 0);
}
#endif
