// Each property of a deadline that can be moved, again and again, with four to eight threads on one socket and both processors kept
// busy: nothing that must end is missed, nothing ends early, nothing fails that must not.
//
//   stress PROPERTY KIND WAY ROUNDS [SEED]
//
// Prints the seed and, in us, how long after its instant each wait ended (`waits`), beside as many threads on a bare eventfd
// (`bare`). Exits 0, 1 where a property does not hold, 77 for a kind or a way that a property does not have.
//
// Source: FACTS "Go's deadline contract"; issue, "What it must show": each property, from several threads, under load, 1,000 times
// without a miss or a false expiry.
#include "moved.h"
#include "numbers.h"
#include "sides.h"
#include <sched.h>
#include <sys/eventfd.h>

// Whether all of the socket's room is to be used up, or nothing made at all.
enum needs { A_PAIR, A_FULL_PAIR, A_LISTENER, A_FULL_BACKLOG, NOTHING };
static const struct property {
    const char *name;
    bool (*round)(void);
    enum needs needs;
} properties[] = {
    {"passing", passing, A_PAIR},          {"shortening", shortening, A_PAIR},       {"extending", extending, A_PAIR},
    {"clearing", clearing, A_PAIR},        {"several", several, A_PAIR},             {"past", past, A_PAIR},
    {"independent", independent, A_FULL_PAIR}, {"closing", closing, NOTHING},        {"reuse", reuse, NOTHING},
    {"dup", dups, A_PAIR},                 {"accepting", accepting, A_LISTENER},     {"connecting", connecting, A_FULL_BACKLOG},
    {"scope", scope, A_PAIR},
};

static void *burns(void *processor) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)(intptr_t)processor, &one);
    // In a container of fewer processors it burns wherever it may.
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    for (;;) __asm__ volatile("" ::: "memory");
    return NULL;
}
static void keep_busy(void) {
    cpu_set_t all;
    MUST(sched_getaffinity(0, sizeof all, &all));
    for (intptr_t i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET((size_t)i, &all)) nd_start(burns, (void *)i);
}
// The same with nothing of ours between: threads in ppoll, and one write to an eventfd.
static void control(int bell) {
    int n = crew();
    uint64_t one = 1;
    let_all(BELL, bell, 0, n);
    some_phase(0, n);
    int64_t now = nd_now();
    CHECK_EQ(nd_raw_write(bell, &one, sizeof one), sizeof one);
    for (int i = 0; i < n; i++) {
        join(&workers[i]);
        CHECK_EQ(workers[i].result, 1);
        if (workers[i].began < now) saw(&bare, workers[i].ended - now);
    }
    CHECK_EQ(nd_raw_read(bell, &one, sizeof one), sizeof one);
}
// What the library makes for a thread's first wait is made: it takes a number for a moment, which a round of `closing` may just then
// have freed and another thread be about to poll.
static void wait_once(void) {
    struct nd_pair pair = new_pair();
    CHECK_EQ(nd_set_deadline(pair.client, 0), 0);
    let_all(READ, pair.client, 0, WORKERS);
    all_asleep(0, WORKERS);
    CHECK_EQ(nd_set_deadline(pair.client, 1), 0);
    for (int i = 0; i < WORKERS; i++) join(&workers[i]);
    CHECK_EQ(close(pair.client), 0);
    nd_raw_close(pair.peer);
}
static int among(const char *name, const char *const *names, int count) {
    for (int i = 0; i < count; i++)
        if (!strcmp(name, names[i])) return i;
    FAIL("%s is not one of %s ... %s", name, names[0], names[count - 1]);
}

int main(int count, char **words) {
    static const char *const kinds[] = {"tcp", "unix", "", "udp"};
    const struct property *property = NULL;
    if (count < 5) FAIL("usage: stress PROPERTY KIND WAY ROUNDS [SEED]");
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        if (!strcmp(words[1], properties[i].name)) property = &properties[i];
    if (!property) FAIL("no property %s", words[1]);
    run.property = property->name;
    run.kind = (enum api_kind)among(words[2], kinds, API_KINDS);
    run.way = (enum way)among(words[3], ways, WAYS);
    run.rounds = atol(words[4]);
    run.seed = run.state = count > 5 ? strtoull(words[5], NULL, 10) : (uint64_t)nd_now();
    run.room = 3 * MS;
    CHECK(run.rounds > 0);
    printf("seed %llu\n", (unsigned long long)run.seed);
    fflush(stdout);

    bool connections = property->needs == A_LISTENER || property->needs == A_FULL_BACKLOG;
    if (connections && run.kind == API_UDP) SKIP("a datagram socket has no connections");
    if (property->needs == A_FULL_BACKLOG && run.kind == API_UNIX && run.way != BLOCKING)
        SKIP("a unix socket that does not block is told EAGAIN at once, and there is no wait");
    if (property->needs == A_PAIR || (property->needs == A_FULL_PAIR && run.kind == API_UDP)) held = new_pair();
    else if (property->needs == A_FULL_PAIR) held = pair_for_way(api_full_pair(run.kind));
    else if (property->needs == A_LISTENER) held = pair_for_way((struct nd_pair){.client = listener(64)});
    else if (property->needs == A_FULL_BACKLOG) full_backlog();
    hire();
    wait_once();
    keep_busy();
    int bell = MUST(eventfd(0, EFD_CLOEXEC));
    while (run.round < run.rounds) {
        if (property->round()) {
            if (run.round++ % 4 == 0) control(bell);
            continue;
        }
        run.again++;
        if (run.room < 400 * MS) run.room += run.room / 2;
        else WRONG("nothing is in time on this machine");
    }
    print_seen("waits", &waits);
    print_seen("bare", &bare);
    if (run.again) printf("%ld rounds again, %.1f ms of room at last\n", run.again, (double)run.room / 1e6);
    return 0;
}
