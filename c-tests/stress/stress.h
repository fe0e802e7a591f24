// What each part of the stress program shares: the settings of a run, its random numbers, what is said when a property does
// not hold, and the latencies that were seen.
//
// Not here: threads (workers.h), the properties (moved.h, numbers.h, sides.h).
#ifndef STRESS_H
#define STRESS_H

#define API_LINKED
#include "../api.h"
#include <semaphore.h>
#include <sys/epoll.h>

enum way { BLOCKING, POLL, EPOLL, WAYS };
static const char *const ways[] = {"blocking", "poll", "epoll"};
// Whatever must end does so within this; more is a miss.
#define MISS (5 * SEC)

static struct {
    const char *property;
    enum api_kind kind;
    enum way way;
    long rounds, round;
    uint64_t seed, state;
    // Between a deadline and the move that must come before it; more on a machine where that came too late.
    int64_t room;
    long again;
} run;

#define WRONG(...)                                                                                                     \
    do {                                                                                                               \
        fprintf(stderr, "round %ld of seed %llu: ", run.round, (unsigned long long)run.seed);                          \
        FAIL(__VA_ARGS__);                                                                                             \
    } while (0)

// splitmix64. The driver's alone.
static uint64_t any(uint64_t below) {
    uint64_t z = run.state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (z ^ z >> 31) % below;
}
static int64_t up_to(int64_t ns) { return (int64_t)any((uint64_t)ns + 1); }
static void spin(int64_t ns) {
    for (int64_t end = nd_now() + ns; nd_now() < end;) {}
}
static void until(int64_t instant) {
    for (int64_t left; (left = instant - nd_now()) > 0;) nd_sleep(left);
}

// ---- latencies, us ----
struct seen {
    int32_t *us;
    size_t count, room;
};
static struct seen waits, bare;
static void saw(struct seen *seen, int64_t ns) {
    if (seen->count == seen->room) {
        seen->room = seen->room ? seen->room * 2 : 1024;
        seen->us = realloc(seen->us, seen->room * sizeof *seen->us);
        CHECK(seen->us);
    }
    seen->us[seen->count++] = (int32_t)(ns / 1000);
}
static void print_seen(const char *name, const struct seen *seen) {
    printf("%s", name);
    for (size_t i = 0; i < seen->count; i++) printf(" %d", (int)seen->us[i]);
    putchar('\n');
}
#endif
