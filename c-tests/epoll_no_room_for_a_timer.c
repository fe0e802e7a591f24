// Where RLIMIT_NOFILE leaves no number for a hidden fd, deadlines hold by the length of the wait alone.
// Source: SEMANTICS "Non-blocking sockets" 2: else clamp alone.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"
#include <sys/resource.h>

int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set();
    char byte;
    // Every number below the limit is taken.
    struct rlimit limit = {.rlim_cur = (rlim_t)set + 1, .rlim_max = (rlim_t)set + 1};
    for (int fd = 3; fd <= set; fd++)
        if (fcntl(fd, F_GETFD) < 0) dup2(0, fd);
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    CHECK_ERRNO(dup(0), EMFILE);
    NB_EACH_EPOLL(way) {
        struct epoll_event event;
        int64_t start = nd_now();
        nb_add(set, pair.client, EPOLLIN);
        CHECK_EQ(nb_epoll(way, set, &event, 1, -1), 1);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_EQ(nb_event_fd(&event), pair.client);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        MUST(epoll_ctl(set, EPOLL_CTL_DEL, pair.client, NULL));
    }
    CHECK_EQ(nb_timerfds(NULL), 0);
    return 0;
}
