// What every C test needs: checks that say where and with which values, the clock, bounds on time, the records of a run.
//
// Not here: sockets and peers (nd_net.h, which this includes at its end).
#ifndef ND_TEST_H
#define ND_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ND_UNUSED __attribute__((unused))
#define MS INT64_C(1000000)
#define SEC INT64_C(1000000000)
// A deadline is never early; late only means "hangs", because the machine may be busy.
#define ND_LATE (3 * SEC)

#define FAIL(...)                                                                                                      \
    do {                                                                                                               \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                                                \
        fprintf(stderr, __VA_ARGS__);                                                                                  \
        fputc('\n', stderr);                                                                                           \
        _exit(1);                                                                                                      \
    } while (0)
#define SKIP(...)                                                                                                      \
    do {                                                                                                               \
        printf(__VA_ARGS__);                                                                                           \
        putchar('\n');                                                                                                 \
        fflush(stdout);                                                                                                \
        _exit(77);                                                                                                     \
    } while (0)
#define CHECK(cond)                                                                                                    \
    do {                                                                                                               \
        int nd_errno = errno;                                                                                          \
        if (!(cond)) FAIL("not true: %s (errno %d %s)", #cond, nd_errno, strerror(nd_errno));                          \
    } while (0)
#define CHECK_EQ(got, want)                                                                                            \
    do {                                                                                                               \
        long long nd_got = (long long)(got);                                                                           \
        int nd_errno = errno;                                                                                          \
        long long nd_want = (long long)(want);                                                                         \
        if (nd_got != nd_want)                                                                                         \
            FAIL("%s is %lld, not %s (%lld); errno %d %s", #got, nd_got, #want, nd_want, nd_errno,                     \
                 strerror(nd_errno));                                                                                  \
    } while (0)
// -1 and this errno, nothing else.
#define CHECK_ERRNO(call, want)                                                                                        \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        long long nd_got = (long long)(call);                                                                          \
        int nd_errno = errno;                                                                                          \
        if (nd_got != -1 || nd_errno != (want))                                                                        \
            FAIL("%s is %lld with errno %d (%s), not -1 with %s", #call, nd_got, nd_errno, strerror(nd_errno), #want); \
    } while (0)
// Makes a call that the test only stands on; says which one failed.
#define MUST(call) nd_must((call), #call, __FILE__, __LINE__)
static ND_UNUSED int nd_must(long long got, const char *what, const char *file, int line) {
    if (got < 0) {
        fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, strerror(errno));
        _exit(1);
    }
    return (int)got;
}

static ND_UNUSED int64_t nd_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SEC + now.tv_nsec;
}
static ND_UNUSED void nd_sleep(int64_t ns) {
    struct timespec left = {.tv_sec = (time_t)(ns / SEC), .tv_nsec = (long)(ns % SEC)};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {}
}
// `start` plus `timeout` has passed, and not by more than the generous bound.
#define CHECK_ENDED_AT(start, timeout)                                                                                 \
    do {                                                                                                               \
        int64_t nd_took = nd_now() - (start), nd_bound = (timeout);                                                    \
        if (nd_took < nd_bound)                                                                                        \
            FAIL("early: %.3f ms, deadline %.3f ms", (double)nd_took / 1e6, (double)nd_bound / 1e6);                   \
        if (nd_took > nd_bound + ND_LATE)                                                                              \
            FAIL("late: %.3f ms, deadline %.3f ms", (double)nd_took / 1e6, (double)nd_bound / 1e6);                    \
    } while (0)
#define CHECK_AT_ONCE(start, bound)                                                                                    \
    do {                                                                                                               \
        int64_t nd_took = nd_now() - (start);                                                                          \
        if (nd_took > (bound)) FAIL("not at once: %.3f ms", (double)nd_took / 1e6);                                    \
    } while (0)

// A system call that no preload sees: for the state of the world as the kernel has it, and for peers that must not be
// under policy. Errors are -errno, as from the kernel.
static ND_UNUSED long nd_raw(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#else
#error "no raw system call for this processor"
#endif
}

static ND_UNUSED bool nd_shimmed(void) {
    const char *shimmed = getenv("ND_TEST_SHIM");
    return shimmed && *shimmed == '1';
}
// "300ms" as ns; 0 if the variable is not set. For tests that run with several deadlines.
static ND_UNUSED int64_t nd_env_ns(const char *name) {
    const char *text = getenv(name);
    char *unit;
    if (!text) return 0;
    double value = strtod(text, &unit);
    if (!strcmp(unit, "us")) return (int64_t)(value * 1e3);
    if (!strcmp(unit, "ms")) return (int64_t)(value * 1e6);
    if (!strcmp(unit, "s")) return (int64_t)(value * 1e9);
    return 0;
}

// ---- records: one JSON object a line in the run's log ----
struct nd_record {
    char line[1024];
    double deadline_ms, waited_ms;
};
// The text of a key's value, without quotes; empty if there is none.
static ND_UNUSED void nd_field(const char *line, const char *key, char *value, size_t room) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\"%s\":", key);
    value[0] = 0;
    const char *at = strstr(line, wanted);
    if (!at) return;
    at += strlen(wanted);
    while (*at == ' ') at++;
    bool quoted = *at == '"';
    if (quoted) at++;
    size_t n = 0;
    for (; *at && n + 1 < room && (quoted ? *at != '"' : *at != ',' && *at != '}' && *at != '\n'); at++) value[n++] = *at;
    value[n] = 0;
}
// How many records there are of this class (NULL: of any); the last of them goes to `last` if that is given. Each must
// have waited for at least its deadline.
static ND_UNUSED int nd_records(const char *class, struct nd_record *last) {
    const char *path = getenv("ND_TEST_LOG");
    FILE *log = path ? fopen(path, "re") : NULL;
    struct nd_record record;
    int count = 0;
    if (!log) return 0;
    while (fgets(record.line, sizeof record.line, log)) {
        char value[256];
        nd_field(record.line, "class", value, sizeof value);
        if (!value[0] || (class && strcmp(value, class))) continue;
        nd_field(record.line, "deadline_ms", value, sizeof value);
        record.deadline_ms = strtod(value, NULL);
        nd_field(record.line, "waited_ms", value, sizeof value);
        record.waited_ms = strtod(value, NULL);
        if (record.waited_ms < record.deadline_ms) FAIL("a record of an early end: %s", record.line);
        count++;
        if (last) *last = record;
    }
    fclose(log);
    return count;
}
// How many records have this text as the value of a key.
static ND_UNUSED int nd_records_with(const char *key, const char *wanted) {
    const char *path = getenv("ND_TEST_LOG");
    FILE *log = path ? fopen(path, "re") : NULL;
    char line[1024], value[256];
    int count = 0;
    if (!log) return 0;
    while (fgets(line, sizeof line, log)) {
        nd_field(line, key, value, sizeof value);
        if (!strcmp(value, wanted)) count++;
    }
    fclose(log);
    return count;
}
// Under the shim: exactly this many records of the class. Natively there are none and nothing is checked.
#define CHECK_RECORDS(class, want)                                                                                     \
    do {                                                                                                               \
        int nd_count = nd_records((class), NULL);                                                                      \
        if (nd_shimmed() && nd_count != (want)) FAIL("%d records of class %s, not %d", nd_count, class, want);         \
    } while (0)
#define CHECK_NO_RECORDS()                                                                                             \
    do {                                                                                                               \
        struct nd_record nd_last;                                                                                      \
        if (nd_records(NULL, &nd_last)) FAIL("a record where nothing expired: %s", nd_last.line);                      \
    } while (0)
// A field of the last record of a class.
#define CHECK_RECORD(class, key, want)                                                                                 \
    do {                                                                                                               \
        struct nd_record nd_last;                                                                                      \
        char nd_value[256];                                                                                            \
        if (nd_shimmed()) {                                                                                            \
            if (!nd_records((class), &nd_last)) FAIL("no record of class %s", class);                                  \
            nd_field(nd_last.line, (key), nd_value, sizeof nd_value);                                                  \
            if (strcmp(nd_value, (want))) FAIL("%s is %s, not %s, in %s", key, nd_value, want, nd_last.line);          \
        }                                                                                                              \
    } while (0)

// ---- threads that always end ----
struct nd_thread {
    pthread_t id;
};
static ND_UNUSED struct nd_thread nd_start(void *(*body)(void *), void *argument) {
    struct nd_thread thread;
    int failed = pthread_create(&thread.id, NULL, body, argument);
    if (failed) FAIL("pthread_create: %s", strerror(failed));
    return thread;
}
// The thread's result; a thread that does not end within `bound` fails the test.
static ND_UNUSED void *nd_join(struct nd_thread thread, int64_t bound) {
    struct timespec until;
    void *result = NULL;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(bound / SEC) + 1;
    int failed = pthread_timedjoin_np(thread.id, &result, &until);
    if (failed) FAIL("a thread did not end within %.1f s: %s", (double)bound / 1e9, strerror(failed));
    return result;
}
// A child's wait status within `bound`; a child that goes on is killed and fails the test.
static ND_UNUSED int nd_reap(pid_t child, int64_t bound) {
    int64_t end = nd_now() + bound;
    int status;
    for (;;) {
        pid_t got = waitpid(child, &status, WNOHANG);
        if (got == child) return status;
        if (got < 0) FAIL("waitpid: %s", strerror(errno));
        if (nd_now() > end) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            FAIL("child %d did not end within %.1f s", (int)child, (double)bound / 1e9);
        }
        nd_sleep(2 * MS);
    }
}
#define CHECK_CHILD_OK(child, bound)                                                                                   \
    do {                                                                                                               \
        int nd_status = nd_reap((child), (bound));                                                                     \
        if (nd_status) FAIL("the child ended with wait status 0x%x", (unsigned)nd_status);                             \
    } while (0)

#include "nd_net.h"
#endif
