// Every kind of dup refers to the same description: the lifetime that began with connect goes on in the copy, also when the
// original is closed, and an accepted socket stays accepted.
// Source: SEMANTICS "fds and processes"; "description".
//
// env: NETDEADLINE_LIFETIME=1s
#include "fd_nd.h"

static int by_dup(int fd) { return dup(fd); }
static int by_dup2(int fd) { return dup2(fd, 60); }
static int by_dup3(int fd) { return dup3(fd, 61, O_CLOEXEC); }
static int by_dupfd(int fd) { return fcntl(fd, F_DUPFD, 62); }
static int by_dupfd_cloexec(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 63); }
static int by_syscall(int fd) { return (int)syscall(SYS_dup, fd); }

static int (*const ways[])(int) = {by_dup, by_dup2, by_dup3, by_dupfd, by_dupfd_cloexec, by_syscall};
enum { WAYS = sizeof ways / sizeof *ways };

int main(void) {
    struct nd_pair pairs[WAYS];
    int copies[WAYS];
    struct fd_served served = fd_serve();
    int64_t start = nd_now();
    for (int i = 0; i < WAYS; i++) pairs[i] = nd_tcp_pair();
    nd_sleep(600 * MS);
    for (int i = 0; i < WAYS; i++) {
        copies[i] = MUST(ways[i](pairs[i].client));
        if (i % 2) close(pairs[i].client);
    }
    char byte;
    CHECK_ERRNO(read(copies[0], &byte, 1), ETIMEDOUT);
    // A clock that began with the dup would end at 1.6 s at the earliest.
    int64_t took = nd_now() - start;
    if (took < 1 * SEC || took >= 1590 * MS) FAIL("after %.3f s", (double)took / 1e9);
    nd_sleep(50 * MS);
    for (int i = 0; i < WAYS; i++) {
        int64_t before = nd_now();
        CHECK_ERRNO(read(copies[i], &byte, 1), ETIMEDOUT);
        CHECK_AT_ONCE(before, 300 * MS);
        if (i % 2 == 0) CHECK_ERRNO(write(pairs[i].client, "x", 1), ETIMEDOUT);
    }
    for (int i = 0; i < WAYS; i++) {
        int copy = MUST(ways[i](served.served));
        struct pollfd entry = {.fd = copy, .events = POLLIN};
        CHECK_EQ(poll(&entry, 1, 20), 0);
        if (copy >= 60) close(copy);
    }
    int copy = MUST(dup(served.served));
    close(served.served);
    CHECK_READ_WAITS(copy, served.client, 700 * MS);
    return 0;
}
