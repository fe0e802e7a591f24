// syscall(2) with a number that we bound is bounded; every other number passes through with all six arguments, and its errno
// and result come back.
// Source: SEMANTICS "fds and processes"; TRAPS (torsocks: unknown numbers).
//
// native: yes
// env: none
// env: NETDEADLINE_READ=300ms NETDEADLINE_WRITE=300ms NETDEADLINE_CONNECT=300ms
#include "nd_test.h"
#include <linux/futex.h>
#include <sys/mman.h>

#define CHECK_BOUNDED(call)                                                                                            \
    do {                                                                                                               \
        int64_t nd_start_ns = nd_now();                                                                                \
        CHECK_ERRNO(call, ETIMEDOUT);                                                                                  \
        CHECK_ENDED_AT(nd_start_ns, 300 * MS);                                                                         \
    } while (0)

int main(void) {
    char byte = 0;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (nd_shimmed() && getenv("NETDEADLINE_READ")) {
        struct nd_pair pair = nd_tcp_pair(), full = nd_zero_window();
        struct nd_hole hole = nd_black_hole();
        CHECK_BOUNDED(syscall(SYS_read, pair.client, &byte, 1));
        CHECK_BOUNDED(syscall(SYS_readv, pair.client, &part, 1));
        CHECK_BOUNDED(syscall(SYS_recvfrom, pair.client, &byte, 1, 0, NULL, NULL));
        CHECK_BOUNDED(syscall(SYS_recvmsg, pair.client, &message, 0));
        CHECK_BOUNDED(syscall(SYS_write, full.client, &byte, 1));
        CHECK_BOUNDED(syscall(SYS_sendto, full.client, &byte, 1, MSG_NOSIGNAL, NULL, 0));
        int fd = (int)MUST(syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
        CHECK_BOUNDED(syscall(SYS_connect, fd, &hole.at, sizeof hole.at));
        struct pollfd entry = {.fd = pair.client, .events = POLLIN};
        int64_t start = nd_now();
        CHECK_EQ(syscall(SYS_ppoll, &entry, 1, NULL, NULL, 8), 1);
        CHECK_ENDED_AT(start, 300 * MS);
    }
    CHECK_EQ(syscall(SYS_getpid), getpid());
    CHECK_ERRNO(syscall(99999), ENOSYS);
    CHECK_ERRNO(syscall(-1), ENOSYS);
    long page = syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != -1);
    *(char *)page = 1;
    CHECK_EQ(syscall(SYS_munmap, page, 4096), 0);
    int word = 0;
    struct timespec soon = {.tv_nsec = 10 * MS};
    // The sixth argument reaches the kernel: a bitset of 0 is EINVAL.
    CHECK_ERRNO(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &soon, NULL, 0), EINVAL);
    CHECK_ERRNO(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &soon, NULL, 0), ETIMEDOUT);
    int ends[2];
    errno = 4242;
    CHECK_EQ(syscall(SYS_pipe2, ends, O_CLOEXEC), 0);
    CHECK_EQ(syscall(SYS_write, ends[1], "s", 1), 1);
    CHECK_EQ(syscall(SYS_read, ends[0], &byte, 1), 1);
    CHECK_EQ(syscall(SYS_close, ends[0]), 0);
    CHECK_EQ(errno, 4242);
    CHECK_ERRNO(syscall(SYS_close, ends[0]), EBADF);
    return 0;
}
