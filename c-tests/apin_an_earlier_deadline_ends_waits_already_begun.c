// A deadline that is set, moved to an earlier instant, or set to a past one ends the waits that other threads are already in, at
// the new instant: poll with 1, 5, 63 and 200 sockets, select, and epoll_wait without a timeout.
// Source: SEMANTICS "Sources of a deadline" 1; FACTS "Go's deadline contract": move, shorten, pass.
//
// api: yes
#include "apin_wait.h"

enum move { FROM_NONE, FROM_LATER, PAST, MOVES };
static const char *const names[] = {"none", "later", "past"};

static void round_of(enum move move, enum api_kind kind) {
    struct apin_sleeper sleepers[APIN_MAX_WAITS];
    struct nd_pair pairs[APIN_MAX_WAITS];
    char byte;
    for (size_t i = 0; i < APIN_WAITS; i++) {
        pairs[i] = apin_pair(kind);
        // Any call of the interface: a wait that began before a process's first one is not bounded.
        CHECK_EQ(nd_set_read_deadline(pairs[i].client, move == FROM_NONE ? 0 : nd_now() + 60 * SEC), 0);
        apin_start(&sleepers[i], apin_waits[i].way, apin_waits[i].count, pairs[i].client, POLLIN, i % 2 ? 20000 : -1);
    }
    apin_asleep(sleepers, APIN_WAITS);
    int64_t when = move == PAST ? nd_now() - SEC : nd_now() + 40 * MS, set = nd_now();
    for (size_t i = 0; i < APIN_WAITS; i++) CHECK_EQ(nd_set_read_deadline(pairs[i].client, when), 0);
    for (size_t i = 0; i < APIN_WAITS; i++) {
        apin_end(&sleepers[i]);
        CHECK_WOKEN(&sleepers[i], POLLIN, move == PAST ? set : when);
        CHECK_ERRNO(io_read(pairs[i].client, &byte, 1), ETIMEDOUT);
        api_close(&pairs[i]);
    }
}

int main(void) {
    for (enum move move = 0; move < MOVES; move++) {
        apin_say(names[move]);
        APIN_EACH_KIND(kind) round_of(move, kind);
    }
    return 0;
}
