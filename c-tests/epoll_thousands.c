// Two thousand armed sockets in one set: every one is told, none before its own deadline, none twice.
// Source: issue 2: 10,000 armed connections; SEMANTICS: the next deadline comes from a tree.
//
// env: NETDEADLINE_READ=1s
// log: no
#include "nb_wait.h"
#include <sys/resource.h>

enum { COUNT = 2000, ROOM = 64, NUMBERS = 2 * COUNT + 100 };

int main(void) {
    static struct nd_pair pairs[COUNT];
    static int64_t armed[NUMBERS];
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_NOFILE, &limit));
    if (limit.rlim_max < NUMBERS) SKIP("no room for %d fds", NUMBERS);
    limit.rlim_cur = limit.rlim_max;
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    int set = nb_set();
    struct sockaddr_in at;
    int listener = nd_listener(64, &at);
    for (int i = 0; i < COUNT; i++) {
        pairs[i].client = nd_connect(&at);
        pairs[i].peer = nd_raw_accept(listener);
        nd_nonblocking(pairs[i].client);
    }
    int64_t begun = nd_now();
    for (int i = 0; i < COUNT; i++) {
        armed[pairs[i].client] = nd_now();
        nb_add(set, pairs[i].client, EPOLLIN);
        // Spread over some 200 ms, so that there are many deadlines and not one.
        if (i % 100 == 99) nd_sleep(10 * MS);
    }
    for (int left = COUNT; left > 0;) {
        struct epoll_event events[ROOM];
        int count = epoll_wait(set, events, ROOM, 5000);
        int64_t now = nd_now();
        CHECK(count > 0);
        CHECK(now < begun + 12 * SEC);
        for (int i = 0; i < count; i++) {
            char byte;
            int fd = nb_event_fd(&events[i]);
            CHECK_EQ(events[i].events, EPOLLIN);
            CHECK(armed[fd] != 0);
            if (now < armed[fd] + 1 * SEC) FAIL("fd %d: %.3f ms early", fd, (double)(armed[fd] + SEC - now) / 1e6);
            CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
            MUST(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
            armed[fd] = 0;
            left--;
        }
    }
    return 0;
}
