// MSG_DONTWAIT, MSG_ERRQUEUE, MSG_OOB without urgent data and every call on an O_NONBLOCK socket return at once, policy or
// not; O_NONBLOCK is looked at afresh each time, whoever set it and by which road.
// Source: recv(2), fcntl(2), ioctl(2); SEMANTICS "Blocking calls"; TRAPS (fcntl64, FIONBIO).
//
// native: yes
// env: none
// env: NETDEADLINE_READ=2s NETDEADLINE_WRITE=2s
#include "nd_calls.h"

extern int fcntl64(int fd, int command, ...);

static void answers_at_once(int fd, const char *road) {
    char byte;
    int64_t start = nd_now();
    for (size_t i = 0; i < ND_READ_CALLS; i++) {
        errno = 0;
        long got = nd_read_calls[i].make(fd, &byte);
        if (got != -1 || errno != EAGAIN) FAIL("%s after %s: %ld, errno %d", nd_read_calls[i].name, road, got, errno);
    }
    CHECK_AT_ONCE(start, 1 * SEC);
}

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    int fd = pair.client, on = 1, off = 0;
    char byte, control[64];
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    int64_t start = nd_now();
    CHECK_ERRNO(recv(fd, &byte, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_ERRNO(recvmsg(fd, &message, MSG_DONTWAIT), EAGAIN);
    CHECK_ERRNO(recvmsg(fd, &message, MSG_ERRQUEUE), EAGAIN);
    CHECK_ERRNO(recv(fd, &byte, 1, MSG_OOB), EINVAL);
    CHECK_AT_ONCE(start, 1 * SEC);

    MUST(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK));
    answers_at_once(fd, "fcntl");
    MUST(fcntl(fd, F_SETFL, O_RDWR));
    MUST(fcntl64(fd, F_SETFL, O_RDWR | O_NONBLOCK));
    answers_at_once(fd, "fcntl64");
    MUST(ioctl(fd, FIONBIO, &off));
    MUST(ioctl(fd, FIONBIO, &on));
    answers_at_once(fd, "ioctl");
    MUST(ioctl(fd, FIONBIO, &off));
    MUST(syscall(SYS_fcntl, fd, F_SETFL, O_RDWR | O_NONBLOCK));
    answers_at_once(fd, "syscall");
    MUST(fcntl(fd, F_SETFL, O_RDWR));
    // Nobody told us: another process that shares the description.
    pid_t child = fork();
    if (!child) _exit(nd_raw(SYS_fcntl, fd, F_SETFL, O_RDWR | O_NONBLOCK, 0, 0, 0) ? 1 : 0);
    CHECK_CHILD_OK(child, 5 * SEC);
    answers_at_once(fd, "another process");

    struct nd_pair full = nd_zero_window();
    nd_nonblocking(full.client);
    start = nd_now();
    for (size_t i = 0; i < ND_WRITE_CALLS; i++) {
        errno = 0;
        long sent = nd_write_calls[i].make(full.client, &byte);
        if (sent != -1 || errno != EAGAIN) FAIL("%s: %ld, errno %d", nd_write_calls[i].name, sent, errno);
    }
    CHECK_AT_ONCE(start, 1 * SEC);
    CHECK_NO_RECORDS();
    return 0;
}
