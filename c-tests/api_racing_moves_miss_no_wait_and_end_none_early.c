// Deadlines race with blocking calls that begin, wait and end at the same moment, beside threads that keep both
// processors busy: no call that must expire is missed, none ends before the instant that was set last, and none whose
// deadline was put off in time expires. Each of six kinds of waits, again and again; ROUNDS=10000 in the environment
// for longer.
// Source: FACTS "Go's deadline contract"; issue, "What it must show": under load without a miss or a false expiry.
//
// api: yes
#include "api.h"

static int rounds = 1000;
static atomic_bool done;

struct race {
    const struct nd_call *call;
    int (*set)(int, int64_t);
    int fd, peer;
    bool fills;
    struct sockaddr_in at;
    unsigned seed;
    struct nd_thread thread;
};
static int64_t some(struct race *race, int64_t most) { return rand_r(&race->seed) % 1000 * most / 1000; }
static void spin(int64_t ns) {
    for (int64_t end = nd_test_now() + ns; nd_test_now() < end;) {}
}
// What the wait waits for comes.
static void let(struct race *race) {
    if (race->at.sin_family) nd_raw_close(nd_tcp_connect(&race->at));
    else if (race->fills) CHECK(nd_drain(race->peer) > 0);
    else CHECK_EQ(nd_raw_write(race->peer, "d", 1), 1);
}
static void again(struct race *race) {
    static const char block[4096];
    while (race->fills && nd_raw(SYS_sendto, race->fd, (long)block, 1024, MSG_DONTWAIT, 0, 0) > 0) {}
}
static void round_of(struct race *race, int round) {
    struct api_op op;
    int64_t now = nd_now(), when;
    again(race);
    CHECK_EQ(race->set(race->fd, round % 2 ? now + 60 * SEC : 0), 0);
    api_start(&op, race->call, race->fd);
    // Sometimes before the thread runs, sometimes while it begins, sometimes when it sleeps.
    if (round % 3 == 1) spin(some(race, 150000));
    if (round % 3 == 2) nd_sleep(some(race, MS));
    switch (round % 5) {
    case 0: // Passed.
        when = round % 2 ? nd_now() : 1;
        CHECK_EQ(race->set(race->fd, when), 0);
        CHECK_OP_EXPIRED(&op, when == 1 ? now : when);
        break;
    case 1: // Soon.
        when = nd_now() + some(race, MS);
        CHECK_EQ(race->set(race->fd, when), 0);
        CHECK_OP_EXPIRED(&op, when);
        break;
    case 2: // Away and back, many times.
        for (int i = 0; i < 20; i++) CHECK_EQ(race->set(race->fd, i % 3 ? nd_now() + 60 * SEC : 0), 0);
        when = nd_now() + some(race, MS);
        CHECK_EQ(race->set(race->fd, when), 0);
        CHECK_OP_EXPIRED(&op, when);
        break;
    case 3: { // Put off, just before it would have come.
        int64_t first = nd_now() + 2 * MS;
        CHECK_EQ(race->set(race->fd, first), 0);
        nd_sleep(some(race, 2 * MS));
        CHECK_EQ(race->set(race->fd, round % 4 ? nd_now() + 60 * SEC : 0), 0);
        if (nd_now() >= first) {
            // Too late: it may have come.
            CHECK_EQ(race->set(race->fd, 1), 0);
            CHECK_OP_EXPIRED(&op, first);
            break;
        }
        nd_sleep(some(race, 3 * MS));
        let(race);
        CHECK_OP_MOVED(&op);
        break;
    }
    default: // What it waits for comes while the deadline moves far away.
        CHECK_EQ(race->set(race->fd, nd_now() + 30 * SEC), 0);
        let(race);
        CHECK_EQ(race->set(race->fd, nd_now() + 60 * SEC), 0);
        CHECK_OP_MOVED(&op);
    }
}
static void *races(void *argument) {
    struct race *race = argument;
    for (int round = 0; round < rounds; round++) round_of(race, round);
    return NULL;
}
static void *burns(void *unused) {
    while (!atomic_load(&done)) {}
    return unused;
}

int main(void) {
    struct race all[6] = {0};
    if (getenv("ROUNDS")) rounds = atoi(getenv("ROUNDS"));
    CHECK(rounds > 0);
    for (unsigned i = 0; i < 6; i++) {
        struct race *race = &all[i];
        race->seed = i + 1;
        race->set = i == 4 ? nd_set_write_deadline : nd_set_read_deadline;
        race->call = &api_read_calls[i * 2 % API_READ_CALLS];
        if (i >= 4) race->call = i == 4 ? &api_write_calls[0] : &api_accept_calls[0];
        if (i == 5) {
            race->fd = nd_listener(64, &race->at);
        } else {
            struct nd_pair pair = i == 4 ? api_full_pair(API_UNIX) : api_pair((enum api_kind)i);
            race->fd = pair.client;
            race->peer = pair.peer;
            race->fills = i == 4;
        }
    }
    struct nd_thread busy[2] = {nd_start(burns, NULL), nd_start(burns, NULL)};
    for (int i = 0; i < 6; i++) all[i].thread = nd_start(races, &all[i]);
    for (int i = 0; i < 6; i++) nd_join(all[i].thread, 55 * SEC);
    atomic_store(&done, true);
    for (int i = 0; i < 2; i++) nd_join(busy[i], 5 * SEC);
    return 0;
}
