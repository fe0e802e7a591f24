// A number that is in an epoll set is closed while its duplicate lives, and the same number comes to the same socket again: to the
// kernel that is one registration all the time. EPOLL_CTL_DEL (way d), or an event of one shot (way o), ends it; a deadline of the
// socket (SO_RCVTIMEO 40 ms, O_NONBLOCK) must report nothing more of it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int main(int count, char **words) {
    int two[2], shot = count > 1 && words[1][0] == 'o', set = epoll_create1(EPOLL_CLOEXEC);
    struct timeval timeout = {.tv_usec = 40000};
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 1}, seen[4];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, two) != 0)
        return 2;
    setsockopt(two[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    int twin = dup(two[0]);
    epoll_ctl(set, EPOLL_CTL_ADD, two[0], &event);
    close(two[0]);
    if (twin < 0 || dup2(twin, two[0]) != two[0])
        return 2;
    if (shot) {
        event.events = EPOLLIN | EPOLLOUT | EPOLLONESHOT;
        event.data.u64 = 2;
        int changed = epoll_ctl(set, EPOLL_CTL_MOD, two[0], &event);
        printf("MOD %d, %d event, ", changed, epoll_wait(set, seen, 4, 0));
    } else {
        printf("DEL %d, ", epoll_ctl(set, EPOLL_CTL_DEL, two[0], NULL));
    }
    int more = epoll_wait(set, seen, 4, 200);
    printf("then %d of what is over\n", more);
    return more != 0;
}
