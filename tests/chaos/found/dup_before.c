// Two numbers of one socket, made by dup before the program sets SO_RCVTIMEO on one of them, share it: bytes that come through the
// other end the wait, and removing the option through the other removes it.
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
int main(int argc, char **v) {
    int two[2], bad = 0;
    char b[9];
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, two);
    int other = dup(two[0]);
    so(two[0], 40);
    recv(two[0], b, 9, 0); // EAGAIN: the wait begins
    for (int i = 0; i < 6; i++) { usleep(10000); write(two[1], "x", 1); if (recv(other, b, 9, 0) != 1) return 2; }
    struct pollfd p = {.fd = two[0], .events = POLLIN};
    int n = poll(&p, 1, 0), r = recv(two[0], b, 9, 0);
    printf("0 ms after a byte, 40 ms allowed: poll %d, recv %s%s\n", n, r < 0 ? strerrorname_np(errno) : "data", n || errno != EAGAIN ? "   <-- FALSE EXPIRY, must be 0 and EAGAIN" : "");
    bad |= n || errno != EAGAIN;
    so(other, 0);
    recv(two[0], b, 9, 0);
    usleep(60000);
    r = recv(two[0], b, 9, 0);
    printf("timeout removed through the other number: recv %s%s\n", strerrorname_np(errno), errno != EAGAIN ? "   <-- must be EAGAIN" : "");
    return bad || errno != EAGAIN;
}
