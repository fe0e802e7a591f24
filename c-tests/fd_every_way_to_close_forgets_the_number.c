// Whatever way a socket is closed, its number is a blank page: a pipe, a unix socket or an accepted one that gets it waits
// as long as it likes, and a new connection there starts a lifetime of its own.
// Source: SEMANTICS "fds and processes" (close, close_range, closefrom; stdio closes behind our back); TRAPS (close_range).
//
// env: NETDEADLINE_READ=200ms NETDEADLINE_LIFETIME=2s
// cap: 40
#include "fd_nd.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif
extern int close_range(unsigned first, unsigned last, int flags);
extern void closefrom(int first);

static void by_close(int fd) { MUST(close(fd)); }
static void by_close_range(int fd) {
    if (close_range((unsigned)fd, (unsigned)fd, 0)) FAIL("close_range: %s", strerror(errno));
}
static void by_closefrom(int fd) {
    // Everything from here on: peers were opened below.
    closefrom(fd);
}
static void by_syscall(int fd) { MUST(syscall(SYS_close, fd)); }
static void by_fclose(int fd) {
    FILE *stream = fdopen(fd, "r+");
    CHECK(stream != NULL);
    CHECK_EQ(fclose(stream), 0);
}
static void by_raw(int fd) { nd_raw_close(fd); }

static const struct {
    const char *name;
    void (*close)(int fd);
} ways[] = {{"close", by_close},     {"close_range", by_close_range}, {"closefrom", by_closefrom},
            {"syscall", by_syscall}, {"fclose", by_fclose},           {"raw", by_raw}};

static int high(int fd, int number) {
    int moved = (int)nd_raw(SYS_fcntl, fd, F_DUPFD_CLOEXEC, number, 0, 0, 0);
    CHECK(moved >= 0);
    nd_raw_close(fd);
    return moved;
}
enum { NUMBER = 200 };
// The program's own socket at NUMBER, known to the library, with nothing above it.
static void managed(void) {
    struct nd_pair pair = nd_tcp_pair();
    CHECK_EQ(dup2(pair.client, NUMBER), NUMBER);
    close(pair.client);
    high(pair.peer, 100);
    char byte;
    CHECK_ERRNO(read(NUMBER, &byte, 1), ETIMEDOUT);
}

int main(void) {
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        int ends[2];
        fprintf(stderr, "%s\n", ways[i].name);
        // A pipe that dup2 puts there; for what closes unseen, one that the kernel puts there unseen.
        managed();
        ways[i].close(NUMBER);
        MUST(pipe(ends));
        CHECK_EQ(nd_raw(SYS_dup3, ends[0], NUMBER, 0, 0, 0, 0), NUMBER);
        CHECK_READ_WAITS(NUMBER, ends[1], 500 * MS);
        nd_raw_close(NUMBER);
        nd_raw_close(ends[0]);
        nd_raw_close(ends[1]);

        managed();
        ways[i].close(NUMBER);
        MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
        CHECK_EQ(dup2(ends[0], NUMBER), NUMBER);
        CHECK_READ_WAITS(NUMBER, ends[1], 500 * MS);
        close(NUMBER);
        close(ends[0]);
        close(ends[1]);

        managed();
        ways[i].close(NUMBER);
        struct fd_served served = fd_serve();
        CHECK_EQ(dup2(served.served, NUMBER), NUMBER);
        CHECK_READ_WAITS(NUMBER, served.client, 500 * MS);
        close(NUMBER);
        close(served.served);
        nd_raw_close(served.client);
    }
    return 0;
}
