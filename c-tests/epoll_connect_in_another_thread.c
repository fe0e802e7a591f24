// tokio's way with a dead host: one thread sits in epoll_wait(-1), another connects and registers edge-triggered for everything;
// the expiry of the connect wakes the first.
// Source: SEMANTICS "Non-blocking sockets" 2.
//
// env: NETDEADLINE_CONNECT=200ms
// cap: 10
#include "nb_wait.h"

static int set;
static void *sleeper(void *argument) {
    int *whose = argument;
    return (void *)(intptr_t)nb_one(set, -1, whose);
}

int main(void) {
    struct nd_hole hole = nd_black_hole();
    for (int connect_first = 0; connect_first < 2; connect_first++) {
        int whose = -1, fd;
        set = nb_set();
        struct nd_thread thread = nd_start(sleeper, &whose);
        nd_sleep(60 * MS);
        int64_t start = nd_now();
        if (connect_first) {
            fd = nb_connecting(&hole.at);
            nb_add(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
        } else {
            // Registered before it connects, as libevent does: the kernel says OUT|HUP of an unconnected socket first.
            fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            nb_add(set, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
            CHECK_EQ((int)(intptr_t)nd_join(thread, 5 * SEC), EPOLLOUT | EPOLLHUP);
            thread = nd_start(sleeper, &whose);
            nd_sleep(60 * MS);
            start = nd_now();
            CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), EINPROGRESS);
        }
        int bits = (int)(intptr_t)nd_join(thread, 5 * SEC);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_EQ(whose, fd);
        CHECK_EQ(bits & (EPOLLOUT | EPOLLERR | EPOLLHUP), EPOLLOUT | EPOLLERR | EPOLLHUP);
        CHECK_EQ(nb_so_error(fd), ETIMEDOUT);
        close(fd);
        close(set);
    }
    return 0;
}
