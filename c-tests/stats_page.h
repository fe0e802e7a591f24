// The evidence page as another program sees it: found in its directory, copied by pread, compared in words.
//
// The layout is written down here once more, from the offsets of src/engine/evidence/page.rs: a reader that was compiled with other
// ideas has to notice. Not here: what makes a wait, and who ends it (stats_work.h).
#ifndef STATS_PAGE_H
#define STATS_PAGE_H

#include "nd_test.h"
#include <dirent.h>

enum { ST_DESTINATIONS = 32, ST_OTHER = 31, ST_EXPIRIES = 64, ST_BUCKETS = 256, ST_KEY = 15 };
enum st_class { ST_CONNECT, ST_RESPONSE, ST_READ, ST_WRITE, ST_LIFETIME, ST_CLASSES };
enum st_own { ST_EXPLICIT, ST_SCOPE, ST_RCVTIMEO, ST_SNDTIMEO };
static const char *const st_class_names[] = {"connect", "response", "read", "write", "lifetime"};

struct st_waits {
    uint64_t ended, expired, observed, abandoned, total, longest, buckets[ST_BUCKETS];
};
struct st_destination {
    uint64_t state, name[ST_KEY];
    uint64_t accepts, connections, open, connecting, awaiting, own[4];
    struct st_waits classes[ST_CLASSES];
};
struct st_expiry {
    uint64_t sequence, realtime;
    int32_t tid, fd;
    char comm[16], operation[16];
    uint8_t cause, observed, origin, unused;
    uint32_t line;
    uint64_t timeout, waited, cookie, destination, received, sent;
    uint32_t rtt_us, retransmits;
    uint64_t reserved[2], peer[ST_KEY];
};
struct st_page {
    uint64_t magic, version, size, pid, start, made[2];
    char comm[16];
    uint64_t observes, expiries, lost, reserved[20];
    struct st_destination destinations[ST_DESTINATIONS];
    struct st_expiry last[ST_EXPIRIES];
};
_Static_assert(sizeof(struct st_waits) == 2096, "waits");
_Static_assert(offsetof(struct st_destination, classes) == 200 && sizeof(struct st_destination) == 10680, "a destination");
_Static_assert(sizeof(struct st_expiry) == 256, "an expiry");
_Static_assert(offsetof(struct st_page, destinations) == 256 && sizeof(struct st_page) == 358400, "the page");

// Where the test's pages are: a directory of its own, in the one that the runner made for it.
static ND_UNUSED const char *st_directory(void) {
    const char *path = getenv("NETDEADLINE_STATS");
    if (!path || *path != '/') FAIL("no directory for pages: %s", path ? path : "NETDEADLINE_STATS is not set");
    return path;
}
// At the beginning of main: runs the test again with NETDEADLINE_STATS naming a directory below the current one.
static ND_UNUSED void st_begin(char **arguments) {
    static char directory[400];
    if (getenv("NETDEADLINE_STATS")) return;
    if (!getcwd(directory, sizeof directory - 10)) FAIL("getcwd: %s", strerror(errno));
    strcat(directory, "/pages");
    setenv("NETDEADLINE_STATS", directory, 1);
    execv("/proc/self/exe", arguments);
    FAIL("exec: %s", strerror(errno));
}

// The file of a process: <pid>.<start>.<n>. The n-th of those that this number has had, -1: the one with the highest n. False if
// there is none.
static ND_UNUSED bool st_file(pid_t pid, int n, char *path, size_t room) {
    DIR *list = opendir(st_directory());
    int found = -1;
    if (!list) return false;
    for (struct dirent *entry; (entry = readdir(list));) {
        int its_pid, its_n, end = 0;
        unsigned long long start;
        if (sscanf(entry->d_name, "%d.%llu.%d%n", &its_pid, &start, &its_n, &end) != 3 || entry->d_name[end]) continue;
        if (its_pid != pid || (n >= 0 && its_n != n) || its_n <= found) continue;
        found = its_n;
        snprintf(path, room, "%s/%s", st_directory(), entry->d_name);
    }
    closedir(list);
    return found >= 0;
}
// How many files there are in the directory, whatever they are.
static ND_UNUSED int st_files(void) {
    DIR *list = opendir(st_directory());
    int count = 0;
    if (!list) return 0;
    for (struct dirent *entry; (entry = readdir(list));) count += entry->d_name[0] != '.';
    closedir(list);
    return count;
}
static ND_UNUSED bool st_look(pid_t pid, int n, struct st_page *page) {
    char path[600];
    if (!st_file(pid, n, path, sizeof path)) return false;
    long fd = nd_raw(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0, 0, 0);
    if (fd < 0) FAIL("%s: %s", path, strerror((int)-fd));
    long got = nd_raw(SYS_pread64, fd, (long)page, sizeof *page, 0, 0, 0);
    struct stat info;
    MUST(stat(path, &info));
    nd_raw_close((int)fd);
    CHECK_EQ(got, sizeof *page);
    CHECK_EQ(info.st_size, sizeof *page);
    CHECK_EQ(info.st_mode, S_IFREG | 0600);
    CHECK_EQ(memcmp(&page->magic, "NDSTATS\n", 8), 0);
    CHECK_EQ(page->version, 1);
    CHECK_EQ(page->size, sizeof *page);
    CHECK_EQ(page->pid, pid);
    return true;
}
static ND_UNUSED const struct st_page *st_page_of(pid_t pid) {
    static struct st_page page;
    if (!st_look(pid, -1, &page)) FAIL("process %d has no page in %s", (int)pid, st_directory());
    return &page;
}
static ND_UNUSED const struct st_page *st_own_page(void) { return st_page_of(getpid()); }

// ---- destinations ----
// An address in the words of a name: what it is in the lowest byte, port or length above, then its bytes.
// (noipa: gcc would complain of the branches that an address of another family does not take.)
static ND_UNUSED __attribute__((noipa)) void st_key(const void *address, uint64_t words[ST_KEY]) {
    const struct sockaddr *any = address;
    memset(words, 0, ST_KEY * 8);
    if (any->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = address;
        words[0] = 1 | (uint64_t)ntohs(v4->sin_port) << 8;
        memcpy(words + 1, &v4->sin_addr, 4);
    } else if (any->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = address;
        words[0] = 2 | (uint64_t)ntohs(v6->sin6_port) << 8 | (uint64_t)v6->sin6_scope_id << 32;
        memcpy(words + 1, &v6->sin6_addr, 16);
    } else {
        const struct sockaddr_un *unix_name = address;
        size_t size = strnlen(unix_name->sun_path, sizeof unix_name->sun_path);
        words[0] = 3 | (uint64_t)size << 8;
        memcpy(words + 1, unix_name->sun_path, size);
    }
}
// The one place of this address; NULL if it has none, and a failed test if it has two.
static ND_UNUSED const struct st_destination *st_find(const struct st_page *page, const void *address, bool accepts) {
    const struct st_destination *found = NULL;
    uint64_t words[ST_KEY];
    st_key(address, words);
    for (int i = 0; i < ST_OTHER; i++) {
        const struct st_destination *place = &page->destinations[i];
        if (place->state != 2 || place->accepts != accepts || memcmp(place->name, words, sizeof words)) continue;
        if (found) FAIL("an address has two places");
        found = place;
    }
    return found;
}
static ND_UNUSED const struct st_destination *st_to(const struct st_page *page, const void *address) {
    const struct st_destination *found = st_find(page, address, false);
    if (!found) FAIL("a destination has no place");
    return found;
}
static ND_UNUSED int st_places(const struct st_page *page) {
    int count = 0;
    for (int i = 0; i < ST_OTHER; i++) count += page->destinations[i].state == 2;
    return count;
}

// ---- counts ----
static ND_UNUSED uint64_t st_lower_bound(unsigned bucket) {
    unsigned shift = bucket >> 3 ? (bucket >> 3) - 1 : 0;
    return (uint64_t)(bucket - (shift << 3)) << (10 + shift);
}
// How many waits are in buckets that hold something between these.
static ND_UNUSED uint64_t st_between(const struct st_waits *waits, int64_t from, int64_t to) {
    uint64_t count = 0;
    for (unsigned i = 0; i < ST_BUCKETS; i++)
        if (st_lower_bound(i + 1) > (uint64_t)from && st_lower_bound(i) <= (uint64_t)to) count += waits->buckets[i];
    return count;
}
struct st_counts {
    uint64_t ended, expired, observed, abandoned;
};
static ND_UNUSED void st_check(const struct st_destination *place, enum st_class class, struct st_counts want,
                               const char *file, int line) {
    const struct st_waits *got = &place->classes[class];
    uint64_t sum = 0;
    for (int i = 0; i < ST_BUCKETS; i++) sum += got->buckets[i];
    if (got->ended != want.ended || got->expired != want.expired || got->observed != want.observed ||
        got->abandoned != want.abandoned) {
        fprintf(stderr, "%s:%d: %s: ended %llu expired %llu observed %llu abandoned %llu, not %llu %llu %llu %llu\n", file,
                line, st_class_names[class], (long long)got->ended, (long long)got->expired, (long long)got->observed,
                (long long)got->abandoned, (long long)want.ended, (long long)want.expired, (long long)want.observed,
                (long long)want.abandoned);
        for (int i = 0; i < ST_BUCKETS; i++)
            if (got->buckets[i])
                fprintf(stderr, "  %llu of %.3f ms\n", (long long)got->buckets[i], (double)st_lower_bound((unsigned)i) / 1e6);
        _exit(1);
    }
    if (sum != got->ended) FAIL("%s: %llu waits in the histogram, %llu in all", st_class_names[class], (long long)sum,
                                (long long)got->ended);
    if (got->ended && (got->longest > got->total || !st_between(got, (int64_t)got->longest, (int64_t)got->longest)))
        FAIL("%s: the longest of %llu ns is in no bucket, or more than all", st_class_names[class], (long long)got->longest);
}
#define CHECK_WAITS(place, class, ...) st_check((place), (class), (struct st_counts){__VA_ARGS__}, __FILE__, __LINE__)
#define CHECK_GAUGES(place, opened, connects, awaits)                                                                  \
    do {                                                                                                               \
        const struct st_destination *st_place = (place);                                                               \
        CHECK_EQ(st_place->open, opened);                                                                              \
        CHECK_EQ(st_place->connecting, connects);                                                                      \
        CHECK_EQ(st_place->awaiting, awaits);                                                                          \
    } while (0)

// A listener at 127.0.0.`last`, so that each kind of destination can have a rule of its own.
static ND_UNUSED int st_listener(int last, int backlog, struct sockaddr_in *at) {
    socklen_t size = sizeof *at;
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u + (unsigned)last)};
    MUST(bind(fd, (struct sockaddr *)at, sizeof *at));
    MUST(getsockname(fd, (struct sockaddr *)at, &size));
    MUST(listen(fd, backlog));
    return fd;
}
// A listener at 127.0.0.`last` that answers no SYN: whose queue is full. Its filler is left open.
static ND_UNUSED int st_black_hole(int last, struct sockaddr_in *at) {
    int listener = st_listener(last, 0, at);
    for (int i = 0; i < 64; i++) {
        long fd = nd_raw(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, 0, 0, 0);
        nd_raw(SYS_connect, fd, (long)at, sizeof *at, 0, 0, 0);
        int64_t end = nd_now() + 100 * MS;
        while (nd_tcp_state((int)fd) == TCP_SYN_SENT && nd_now() < end) nd_sleep(1 * MS);
        if (nd_tcp_state((int)fd) == TCP_SYN_SENT) {
            nd_raw_close((int)fd);
            return listener;
        }
    }
    FAIL("the queue of a listener did not fill");
}
#endif
