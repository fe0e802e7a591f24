// syscall(2) is the kernel's call with musl too, whose functions of the same names are further from it than glibc's: its sendmsg and
// recvmsg look at the message, its accept4 accepts with flags that do not exist, its select does not write what is left of the time.
// Source: syscall(2); select(2), "the timeout argument"; musl 1.2.3, src/network/sendmsg.c, src/select/select.c.
//
// native: yes
// env: none
// env: NETDEADLINE_READ=1h NETDEADLINE_WRITE=1h NETDEADLINE_RULES="on * read=1h"
// needs: musl
#include "nd_test.h"
#include <sys/select.h>

// Does it crash, or say EFAULT?
static bool crashes(long number, int fd, void *message) {
    pid_t child = MUST(fork());
    if (!child) {
        errno = 0;
        long result = syscall(number, fd, message, 0);
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
    struct nd_pair pair = nd_tcp_pair();
    struct sockaddr_in at;
    int others[2], datagrams[2];
    MUST(pipe(others));
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams));
    // The last is no socket, which is what a call that wants one says first.
    const int all[] = {pair.client, datagrams[0], others[0]};
    for (int i = 0; i < 2; i++) {
        CHECK(!crashes(SYS_sendmsg, all[i], (void *)8));
        CHECK(!crashes(SYS_recvmsg, all[i], (void *)8));
        CHECK(!crashes(SYS_sendmsg, all[i], NULL));
        CHECK(!crashes(SYS_recvmsg, all[i], NULL));
    }

    // musl's accept4 takes an EINVAL for a kernel that has no accept4, and (before 1.2.4) accepts without looking at the flags.
    int listener = nd_listener(4, &at), client = nd_connect(&at);
    CHECK_ERRNO(syscall(SYS_accept4, listener, NULL, NULL, 0x10), EINVAL);
    // What was not handed over is still there.
    struct pollfd entry = {.fd = listener, .events = POLLIN};
    struct timespec now = {0};
    CHECK_EQ(nd_raw(SYS_ppoll, (long)&entry, 1, (long)&now, 0, 8, 0), 1);
    close(client);
    close(listener);

    // Be it waited for by us or by the kernel.
    for (int i = 0; i < 3; i++) CHECK_EQ(left_of_select(all[i]), 0);
    return 0;
}
