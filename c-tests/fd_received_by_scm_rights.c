// A connected socket that arrives over a unix socket is classified at first use; one that this process sent to itself keeps
// its lifetime; an accepted one stays accepted; an expired slot of the same number has no say.
// Source: SEMANTICS "fds and processes" (SCM_RIGHTS; description keyed by SO_COOKIE).
//
// env: NETDEADLINE_READ=300ms NETDEADLINE_LIFETIME=2s
#include "fd_nd.h"

static void pass(int over, int fd) {
    char byte = 'f', control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    CHECK_EQ(sendmsg(over, &message, 0), 1);
}
static int take(int over) {
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int fd = -1;
    CHECK_EQ(recvmsg(over, &message, 0), 1);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    CHECK(header && header->cmsg_type == SCM_RIGHTS);
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

int main(void) {
    int ends[2];
    char byte;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    int64_t start = nd_now();
    struct nd_pair pair = nd_tcp_pair();
    struct fd_served served = fd_serve();
    nd_sleep(500 * MS);
    pass(ends[0], pair.client);
    int fd = take(ends[1]);
    CHECK_EQ(close(pair.client), 0);
    CHECK_READ_TIMES_OUT(fd, 300 * MS);
    nd_sleep(start + 2 * SEC + 50 * MS - nd_now());
    CHECK_EQ(nd_raw_write(pair.peer, "x", 1), 1);
    int64_t before = nd_now();
    CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
    CHECK_AT_ONCE(before, 250 * MS);

    // The expired number is closed behind our back and taken by a unix socket that arrives the same way.
    int other[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, other));
    pass(ends[0], other[0]);
    nd_raw_close(fd);
    int received = take(ends[1]);
    CHECK_EQ(received, fd);
    CHECK_READ_WAITS(received, other[1], 900 * MS);

    pass(ends[0], served.served);
    received = take(ends[1]);
    CHECK_EQ(close(served.served), 0);
    CHECK_READ_WAITS(received, served.client, 900 * MS);

    // From another process: never seen before.
    pid_t child = fork();
    if (!child) {
        struct nd_pair theirs = nd_tcp_pair();
        pass(ends[0], theirs.client);
        nd_sleep(3 * SEC);
        _exit(0);
    }
    fd = take(ends[1]);
    CHECK_READ_TIMES_OUT(fd, 300 * MS);
    CHECK_CHILD_OK(child, 8 * SEC);
    return 0;
}
