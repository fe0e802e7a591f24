// Room for one event, no time to wait, and something is ready: epoll_wait must give it. (The hidden timer's event, which came first,
// filled the room; it was taken out, and the answer was 0.) A socket A with SO_RCVTIMEO 40 ms and O_NONBLOCK is put into a set and
// taken out; when the timer of its deadline has fired, a byte comes for B, which is in the set as well.
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int main(void) {
    int a[2], b[2], set = epoll_create1(EPOLL_CLOEXEC), wrong = 0;
    struct timeval timeout = {.tv_usec = 40000};
    struct epoll_event event = {.events = EPOLLIN}, seen[2];
    char byte = 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, a) != 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, b) != 0)
        return 2;
    setsockopt(a[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    epoll_ctl(set, EPOLL_CTL_ADD, b[0], &event);
    for (int i = 0; i < 10; i++) {
        epoll_ctl(set, EPOLL_CTL_ADD, a[0], &event);
        epoll_wait(set, seen, 2, 10);
        epoll_ctl(set, EPOLL_CTL_DEL, a[0], NULL);
        if (i % 2)
            epoll_wait(set, seen, 2, 10);
        usleep(60000);
        if (write(b[1], "x", 1) != 1)
            return 2;
        wrong += epoll_wait(set, seen, 1, 0) == 0;
        if (read(b[0], &byte, 1) != 1)
            return 2;
    }
    printf("%d of 10 waits with room for one event do not find the one that is there\n", wrong);
    return wrong != 0;
}
