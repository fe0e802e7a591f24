// A registered number is closed while a duplicate lives, and the same number comes to the same socket again: to the kernel it is one
// registration all the time. After EPOLL_CTL_DEL, after an event of one shot, and after a MOD, a deadline tells nothing of what was.
// Source: epoll(7), Q6; fs/eventpoll.c, ep_find: the key is file and number. Found by tests/chaos (an event of nothing that is in it).
//
// env: none
// native: yes
#include "nb_wait.h"

static int set, twin, peer;

// A socket with SO_RCVTIMEO of 40 ms whose number was registered for `events`, was closed and came back.
static int came_back(uint32_t events) {
    int two[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, two));
    nd_set_timeout(two[0], SO_RCVTIMEO, 40 * MS);
    set = nb_set();
    twin = MUST(dup(two[0]));
    peer = two[1];
    nb_add(set, two[0], events);
    MUST(close(two[0]));
    CHECK_EQ(dup2(twin, two[0]), two[0]);
    return two[0];
}

static void end(int fd) {
    int all[] = {set, twin, peer, fd};
    for (int i = 0; i < 4; i++) MUST(close(all[i]));
}

int main(void) {
    int fd = came_back(EPOLLIN), whose;
    MUST(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
    CHECK_EQ(nb_one(set, 200, NULL), 0);
    end(fd);

    fd = came_back(EPOLLIN);
    nb_mod(set, fd, EPOLLIN | EPOLLOUT | EPOLLONESHOT);
    CHECK_EQ(nb_one(set, 200, &whose), EPOLLOUT);
    CHECK_EQ(nb_one(set, 200, NULL), 0);
    end(fd);

    // What is asked for now is told, and not what was: of input nothing any more.
    fd = came_back(EPOLLIN | EPOLLOUT | EPOLLET);
    CHECK_EQ(nb_one(set, 200, NULL), EPOLLOUT);
    nb_mod(set, fd, EPOLLRDHUP | EPOLLET);
    CHECK_EQ(nb_one(set, 200, NULL), 0);
    end(fd);

    // Untouched, it is told of its deadline (natively there is none), with what it was registered with.
    fd = came_back(EPOLLIN);
    CHECK_EQ(nb_one(set, 200, &whose), nd_shimmed() ? EPOLLIN : 0);
    CHECK_EQ(whose, nd_shimmed() ? fd : -1);
    end(fd);
    return 0;
}
