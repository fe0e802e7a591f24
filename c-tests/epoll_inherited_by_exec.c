// A program that inherits an epoll fd through exec, and with it a set in which its parent has deadlines armed, sees no event that
// was not registered; its own registrations in it expire.
// Source: SEMANTICS "fds and processes": inherited descriptors are covered after exec.
//
// env: NETDEADLINE_READ=300ms
#include "nb_wait.h"

static int inheritor(int set, int fd) {
    char byte;
    int whose;
    // Nothing is known here of the parent's registration: an expiry may be told, an unknown event may not.
    int64_t end = nd_now() + 600 * MS;
    while (nd_now() < end) {
        int bits = nb_one(set, 50, &whose);
        if (!bits) continue;
        CHECK_EQ(whose, fd);
        CHECK_EQ(bits, EPOLLIN);
        CHECK_EQ(read(fd, &byte, 1), -1);
    }
    MUST(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
    int64_t start = nd_now();
    nb_add(set, fd, EPOLLIN);
    CHECK_EQ(nb_one(set, 5000, &whose), EPOLLIN);
    CHECK_EQ(whose, fd);
    CHECK_ENDED_AT(start, 300 * MS);
    CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
    return 0;
}

int main(int count, char **arguments) {
    if (count == 3) return inheritor(atoi(arguments[1]), atoi(arguments[2]));
    struct nd_pair pair = nb_pair();
    int set = MUST(epoll_create1(0));
    MUST(fcntl(pair.client, F_SETFD, 0));
    nb_add(set, pair.client, EPOLLIN);
    pid_t child = MUST(fork());
    if (!child) {
        char first[16], second[16];
        snprintf(first, sizeof first, "%d", set);
        snprintf(second, sizeof second, "%d", pair.client);
        execl("/proc/self/exe", "inheritor", first, second, (char *)NULL);
        _exit(126);
    }
    nd_sleep(100 * MS);
    CHECK_CHILD_OK(child, 6 * SEC);
    return 0;
}
