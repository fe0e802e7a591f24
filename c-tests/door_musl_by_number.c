// What syscall(2) is with musl, and with glibc is not: where a call by number may concern a socket of ours it is made by libc's
// function. musl's sendmsg looks at the message, and its select does not write what is left of the time.
// Source: docs/limits.md, "musl".
//
// native: yes
// env: none
// env: NETDEADLINE_READ=1h NETDEADLINE_WRITE=1h NETDEADLINE_RULES="on * read=1h"
// needs: musl
#include "nd_test.h"
#include <sys/select.h>

#ifdef __GLIBC__
enum { MUSL = 0 };
#else
enum { MUSL = 1 };
#endif

// Does it crash, or say EFAULT?
static bool crashes(long number, int fd) {
    pid_t child = MUST(fork());
    if (!child) {
        // A crash is expected; nobody wants its core.
        errno = 0;
        long result = syscall(number, fd, (void *)8, 0);
        _exit(result == -1 && errno == EFAULT ? 0 : 3);
    }
    int status = nd_reap(child, 5 * SEC);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) return true;
    CHECK_EQ(status, 0);
    return false;
}

// Microseconds of 20 ms that SYS_select leaves when they have passed.
static long left_of_select(int fd) {
    struct timeval time = {.tv_usec = 20000};
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(fd, &readable);
    CHECK_EQ(syscall(SYS_select, fd + 1, &readable, NULL, NULL, &time), 0);
    CHECK_EQ(time.tv_sec, 0);
    return time.tv_usec;
}

int main(void) {
    bool under_a_rule = nd_shimmed() && getenv("NETDEADLINE_READ");
    struct nd_pair pair = nd_tcp_pair();
    struct sockaddr_in at;
    CHECK_EQ(crashes(SYS_sendmsg, pair.client), MUSL && under_a_rule);

    // musl's accept4 takes an EINVAL for a kernel that has no accept4, and (before 1.2.4) accepts without looking at the flags: so
    // flags that no kernel knows are left to the kernel.
    int listener = nd_listener(4, &at), client = nd_connect(&at);
    CHECK_ERRNO(syscall(SYS_accept4, listener, NULL, NULL, 0x10), EINVAL);
    // What was not handed over is still there.
    struct pollfd entry = {.fd = listener, .events = POLLIN};
    struct timespec now = {0};
    CHECK_EQ(nd_raw(SYS_ppoll, (long)&entry, 1, (long)&now, 0, 8, 0), 1);
    close(client);
    close(listener);

    // A socket that can have a deadline is waited for by us, and the time is written; else musl's select has a copy of it.
    int others[2];
    MUST(pipe(others));
    CHECK_EQ(left_of_select(pair.client), 0);
    CHECK_EQ(left_of_select(others[0]), MUSL && under_a_rule ? 20000 : 0);
    return 0;
}
