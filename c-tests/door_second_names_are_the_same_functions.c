// glibc has its calls under second names too, with two underscores (libnsl imports __poll): they are bounded like the first,
// and a child of __vfork or __clone disturbs nothing.
// Source: nm -D of glibc's libc.so.6.
//
// env: NETDEADLINE_READ=300ms NETDEADLINE_WRITE=400ms NETDEADLINE_CONNECT=500ms
#include "fd_nd.h"
#include <poll.h>
#include <sched.h>
#include <sys/select.h>

extern ssize_t __read(int fd, void *buf, size_t count);
extern ssize_t __write(int fd, const void *buf, size_t count);
extern ssize_t __send(int fd, const void *buf, size_t count, int flags);
extern int __connect(int fd, const struct sockaddr *address, socklen_t length);
extern int __poll(struct pollfd *fds, nfds_t count, int ms);
extern int __select(int count, fd_set *in, fd_set *out, fd_set *exceptions, struct timeval *time);
extern int __close(int fd);
extern int __dup2(int fd, int new);
extern int __fcntl(int fd, int command, ...);
extern pid_t __vfork(void);
extern int __clone(int (*body)(void *), void *stack, int flags, void *argument, ...);

static struct nd_pair pair;
static struct fd_served served;
static int disturb(void *unused) {
    (void)unused;
    close(pair.client);
    dup2(served.served, 50);
    close(served.served);
    socket(AF_INET, SOCK_STREAM, 0);
    _exit(0);
}
static char stack[256 * 1024] __attribute__((aligned(64)));

int main(void) {
    char byte;
    pair = nd_tcp_pair();
    served = fd_serve();

    int64_t start = nd_now();
    CHECK_ERRNO(__read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_ENDED_AT(start, 300 * MS);

    struct pollfd one = {.fd = pair.client, .events = POLLIN};
    start = nd_now();
    MUST(__fcntl(pair.client, F_SETFL, O_RDWR | O_NONBLOCK));
    CHECK_EQ(__poll(&one, 1, 5000), 1);
    CHECK_ENDED_AT(start, 300 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    fd_set in;
    FD_ZERO(&in);
    FD_SET(pair.client, &in);
    start = nd_now();
    CHECK_EQ(__select(pair.client + 1, &in, NULL, NULL, &(struct timeval){.tv_sec = 5}), 1);
    CHECK_ENDED_AT(start, 300 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    MUST(__fcntl(pair.client, F_SETFL, O_RDWR));

    // __vfork and __clone, then __dup2 and __close.
    pid_t child = __vfork();
    if (child == 0) disturb(NULL);
    CHECK_CHILD_OK(child, 5 * SEC);
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);
    child = __clone(disturb, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    CHECK_CHILD_OK(child, 5 * SEC);
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);
    CHECK_READ_WAITS(served.served, served.client, 600 * MS);
    CHECK_EQ(__dup2(pair.client, 60), 60);
    CHECK_EQ(__close(pair.client), 0);
    CHECK_READ_TIMES_OUT(60, 300 * MS);

    static char block[1 << 20];
    struct nd_pair full = nd_tcp_pair();
    start = nd_now();
    ssize_t sent = __send(full.client, block, sizeof block, 0);
    for (int i = 0; i < 100 && sent > 0; i++) sent = __write(full.client, block, sizeof block);
    CHECK(sent == -1 && errno == ETIMEDOUT);
    CHECK_ENDED_AT(start, 400 * MS);

    struct nd_hole hole = nd_black_hole();
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    start = nd_now();
    CHECK_ERRNO(__connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), ETIMEDOUT);
    CHECK_ENDED_AT(start, 500 * MS);
    return 0;
}
