// Deadlines that are moved while other threads begin, are in, and come back from their waits: none is missed, and none is told
// before the instant that was set last. In every round of every wait, all of them at once.
// ROUNDS=1000 in the environment: longer.
// Source: issue, "What it must show": each property from several threads, under load, without a miss or a false expiry.
//
// api: yes
#include "apin_wait.h"

static int rounds = 100;

struct race {
    const struct apin_wait *wait;
    enum api_kind kind;
    unsigned seed;
    struct nd_thread thread;
};
// Somewhere in a range, by the thread's own seed.
static int64_t some(struct race *race, int64_t most) { return rand_r(&race->seed) % 1000 * most / 1000; }

static void *races(void *argument) {
    struct race *race = argument;
    struct nd_pair pair = apin_pair(race->kind);
    char byte;
    for (int round = 0; round < rounds; round++) {
        struct apin_sleeper sleeper;
        int64_t when = 0, before;
        CHECK_EQ(nd_set_read_deadline(pair.client, round % 2 ? nd_now() + 60 * SEC : 0), 0);
        bool data = round % 8 == 7;
        apin_start(&sleeper, race->wait->way, race->wait->count, pair.client, POLLIN, 20000);
        // While it begins, or is asleep.
        int64_t pause = some(race, round % 3 ? 300000 : 3 * MS);
        if (pause > 20000) nd_sleep(pause);
        for (int move = 0; move < round % 4 && !data; move++) {
            // A move away from an instant that has not come; else that instant holds.
            before = when;
            int64_t to = nd_now() + 2 * MS + some(race, 3 * MS);
            CHECK_EQ(nd_set_read_deadline(pair.client, to), 0);
            if (!before || nd_now() < before) when = to;
            nd_sleep(some(race, MS));
        }
        before = when;
        int64_t last = round % 5 ? nd_now() + some(race, 2 * MS) : nd_now() - MS;
        if (data) last = nd_now() + 60 * SEC;
        int64_t set = nd_now();
        CHECK_EQ(nd_set_read_deadline(pair.client, last), 0);
        if (last < set) last = set - MS;
        // What could have ended it first: the instant before, if it came before the last one was set.
        int64_t earliest = before && nd_now() >= before && before < last ? before : last;
        if (data) {
            apin_arrive(&pair, "d", 1);
            earliest = set;
        }
        apin_end(&sleeper);
        CHECK_WOKEN(&sleeper, POLLIN, earliest);
        if (data) {
            if (io_read(pair.client, &byte, 1) != 1) FAIL("data and a far deadline: %s", strerror(errno));
        } else {
            while (nd_now() < last) nd_sleep(MS / 10);
            CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        }
    }
    api_close(&pair);
    return NULL;
}

int main(void) {
    struct race all[APIN_MAX_WAITS];
    if (getenv("ROUNDS")) rounds = atoi(getenv("ROUNDS"));
    CHECK(rounds > 0);
    apin_make_idle();
    for (size_t i = 0; i < APIN_WAITS; i++) {
        all[i] = (struct race){.wait = &apin_waits[i], .kind = (enum api_kind)(i % API_KINDS), .seed = (unsigned)(i + 1)};
        all[i].thread = nd_start(races, &all[i]);
    }
    for (size_t i = 0; i < APIN_WAITS; i++) nd_join(all[i].thread, 55 * SEC);
    return 0;
}
