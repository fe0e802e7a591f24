// Calls that fail change nothing, and only those bits of an argument count that the kernel looks at: a dup3 with flags that do
// not exist leaves an expired connection expired, ioctl's request has 32 bits; pidfd_getfd by its name brings a new
// number.
// Source: SEMANTICS "fds and processes"; SEMANTICS "Sources of a deadline" 2.
//
// env: NETDEADLINE_LIFETIME=800ms
#include "fd_nd.h"
#include <sys/epoll.h>
#include <sys/ioctl.h>

extern int pidfd_getfd(int process, int fd, unsigned flags) __attribute__((weak));

int main(void) {
    char byte;
    struct nd_pair pair = nd_tcp_pair(), timed = nd_tcp_pair();
    nd_sleep(850 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_ERRNO(dup3(timed.client, pair.client, O_APPEND), EINVAL);
    CHECK_ERRNO(dup3(pair.client, pair.client, 0), EINVAL);
    int64_t start = nd_now();
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_AT_ONCE(start, 400 * MS);

    // A blocking socket's own timeout holds in a set from the moment on that it does not block.
    struct fd_served served = fd_serve();
    nd_set_timeout(served.served, SO_RCVTIMEO, 300 * MS);
    int set = MUST(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN};
    MUST(epoll_ctl(set, EPOLL_CTL_ADD, served.served, &event));
    int on = 1;
    MUST(ioctl(served.served, FIONBIO | 1UL << 40, &on));
    start = nd_now();
    CHECK_EQ(epoll_wait(set, &event, 1, 5000), 1);
    CHECK_ENDED_AT(start, 300 * MS);
    CHECK_ERRNO(read(served.served, &byte, 1), ETIMEDOUT);

    // What had this number before is nobody's business: closed unseen, then taken from another process.
    if (pidfd_getfd) {
        int number = pair.client;
        int self = (int)nd_raw(SYS_pidfd_open, getpid(), 0, 0, 0, 0, 0);
        int ends[2];
        CHECK_EQ(pipe(ends), 0);
        nd_raw_close(number);
        if (self >= 0 && pidfd_getfd(self, ends[0], 0) == number) CHECK_READ_WAITS(number, ends[1], 500 * MS);
    }
    return 0;
}
