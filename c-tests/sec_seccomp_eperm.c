// A filter that answers EPERM to the calls we would like to make (Docker's default does to unknown ones) makes nothing fail:
// reads, writes and connects succeed as without us, whether it was there from the start or came later.
// Source: SEMANTICS "Sandboxes": EPERM counts as ENOSYS.
//
// native: yes
// env: none
// env: NETDEADLINE_READ=3s NETDEADLINE_WRITE=3s NETDEADLINE_CONNECT=3s
#include "sec_seccomp.h"
#include <sys/epoll.h>

// Waits with what it has, writes with what it has; also in poll and epoll where the filter lets it.
static int work(int fd, const struct sockaddr_in *at) {
    sec_daily_work(fd, 2);
    int fresh = socket(AF_INET, SOCK_STREAM, 0);
    if (fresh < 0) return 7;
    if (connect(fresh, (const struct sockaddr *)at, sizeof *at)) return 8;
    if (send(fresh, "x", 1, 0) != 1) return 9;
    int set = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLOUT};
    if (set < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fresh, &event)) return 10;
    if (epoll_wait(set, &event, 1, 1000) != 1) return 11;
    struct pollfd entry = {.fd = fresh, .events = POLLOUT};
    if (poll(&entry, 1, 1000) != 1) return 12;
    return close(set) || close(fresh) ? 13 : 0;
}

int main(int count, char **arguments) {
    struct sockaddr_in at;
    if (count == 3) {
        memset(&at, 0, sizeof at);
        at.sin_family = AF_INET;
        at.sin_port = htons((uint16_t)atoi(arguments[2]));
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return work(atoi(arguments[1]), &at);
    }
    const int refused[] = {441 /* epoll_pwait2 */, SYS_timerfd_create, SYS_timerfd_settime, SYS_eventfd2, SYS_getpeername,
                           SYS_ppoll, 436 /* close_range */, SYS_pwritev2};
    int listener = nd_listener(8, &at);
    for (int from_start = 0; from_start < 2; from_start++) {
        struct nd_pair pair = nd_tcp_pair();
        pid_t child = fork();
        if (!child) {
            char fd[16], port[16];
            snprintf(fd, sizeof fd, "%d", (int)nd_raw(SYS_dup, pair.client, 0, 0, 0, 0, 0));
            snprintf(port, sizeof port, "%d", ntohs(at.sin_port));
            sec_install(from_start ? UNSEEN : BY_PRCTL, refused, sizeof refused / sizeof *refused,
                        SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ALLOW);
            if (!from_start) _exit(work(pair.client, &at));
            nd_raw(SYS_execve, (long)"/proc/self/exe", (long)(char *[]){"child", fd, port, NULL}, (long)environ, 0, 0, 0);
            _exit(99);
        }
        CHECK_EQ(nd_raw_write(pair.peer, "a", 1), 1);
        nd_sleep(300 * MS);
        CHECK_EQ(nd_raw_write(pair.peer, "b", 1), 1);
        int status = nd_reap(child, 8 * SEC);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no seccomp");
        if (status) FAIL("%s: status 0x%x", from_start ? "from the start" : "later", (unsigned)status);
    }
    nd_raw_close(listener);
    return 0;
}
