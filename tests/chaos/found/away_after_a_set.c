// A non-blocking socket with SO_RCVTIMEO 40 ms that was in an epoll set, and is in none any more: the program reads (EAGAIN), is away
// for 600 ms, and reads again. Waits that lie so far apart do not add up (SEMANTICS: 100 ms and a tenth of the deadline), as they do
// not for a socket that never was in a set: EAGAIN. Ways: n never in a set, c the set was closed, d EPOLL_CTL_DEL, b DEL and closed.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **words) {
    char how = count > 1 ? words[1][0] : 'c', bytes[8];
    int two[2], set = -1;
    struct timeval timeout = {.tv_usec = 40000};
    struct epoll_event event = {.events = EPOLLIN};
    int w = count > 2;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, two) != 0)
        return 2;
    setsockopt(two[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (how != 'n') {
        set = epoll_create1(EPOLL_CLOEXEC);
        epoll_ctl(set, EPOLL_CTL_ADD, two[0], &event);
        epoll_wait(set, &event, 1, 0);
        if (how != 'c')
            epoll_ctl(set, EPOLL_CTL_DEL, two[0], NULL);
        if (how != 'd')
            close(set);
    }
    long first = read(two[0], bytes, sizeof bytes);
    if (w) first = write(two[0], "a", 1);
    usleep(600000);
    long second = read(two[0], bytes, sizeof bytes);
    printf("%c%s: %ld, then %ld (%s)\n", how, w?"w":"", first, second, strerrorname_np(errno));
    return errno != EAGAIN;
}
