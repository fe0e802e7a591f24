// Two numbers of one socket that were made before the program set SO_RCVTIMEO on one, by SCM_RIGHTS: the other is told of the deadline,
// and bytes through it end the wait. Way p: not yet (docs/limits.md). Way d, by a dup that many dups of other unknown numbers followed:
// mended; c-tests/fd_a_dup_from_before_shares_the_timeout.c.
// cc -D_GNU_SOURCE dup_passed.c; LD_PRELOAD=libnetdeadline.so ./a.out p; ./a.out d 100
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
static void so(int fd, int ms) { struct timeval t = {.tv_usec = ms * 1000}; setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t); }
static int pass(int fd) {
    int two[2]; socketpair(AF_UNIX, SOCK_DGRAM, 0, two);
    char x = 'x'; struct iovec v = {&x, 1};
    union { struct cmsghdr h; char room[CMSG_SPACE(4)]; } u;
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &u, .msg_controllen = sizeof u};
    u.h = (struct cmsghdr){.cmsg_len = CMSG_LEN(4), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&u.h), &fd, 4);
    sendmsg(two[0], &m, 0); memset(&u, 0, sizeof u); recvmsg(two[1], &m, 0);
    memcpy(&fd, CMSG_DATA(&u.h), 4); close(two[0]); close(two[1]);
    return fd;
}
int main(int argc, char **v) {
    int two[2], many = argc > 2 ? atoi(v[2]) : 0;
    char b[9];
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, two);
    int other = argc > 1 && *v[1] == 'd' ? dup(two[0]) : pass(two[0]);
    for (int i = 0; i < many; i++) { int p[2]; pipe(p); dup(p[0]); }
    so(two[0], 40);
    struct pollfd p = {.fd = other, .events = POLLIN};
    int n = poll(&p, 1, 400);
    printf("SO_RCVTIMEO=40ms set through one, poll through the other: %d%s\n", n, n ? "" : "  <-- never told");
    int bad = !n;
    usleep(60000);
    while (recv(two[0], b, 9, 0) < 0 && errno != EAGAIN) {} // what was told is over
    int early = 0;
    for (int i = 0; i < 12; i++) {
        early += recv(two[0], b, 9, 0) < 0 && errno != EAGAIN;
        usleep(10000);
        write(two[1], "x", 1);
        if (recv(other, b, 9, 0) != 1) return 2;
    }
    printf("a byte every 10 ms, read through the other: %d reads say ETIMEDOUT%s\n", early, early ? "  <-- FALSE EXPIRY" : "");
    return bad || early;
}
