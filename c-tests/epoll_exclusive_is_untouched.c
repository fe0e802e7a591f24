// A registration with EPOLLEXCLUSIVE, which the kernel refuses to modify, gets its expiry and is left as it was: the kernel
// shows the same mask, and data still arrives.
// Source: SEMANTICS "Non-blocking sockets" 4; epoll_ctl(2), EPOLLEXCLUSIVE.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

// The event mask of `fd` in `set` as the kernel has it (proc(5), fdinfo of an epoll file).
static unsigned kernel_mask(int set, int fd) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", set);
    FILE *info = fopen(path, "re");
    CHECK(info != NULL);
    unsigned mask = 0;
    while (fgets(line, sizeof line, info)) {
        int target;
        unsigned events;
        if (sscanf(line, "tfd: %d events: %x", &target, &events) == 2 && target == fd) mask = events;
    }
    fclose(info);
    return mask;
}

int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set();
    char byte;
    nb_add(set, pair.client, EPOLLIN | EPOLLEXCLUSIVE);
    unsigned before = kernel_mask(set, pair.client);
    CHECK(before & EPOLLEXCLUSIVE);
    CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
    CHECK_EQ(kernel_mask(set, pair.client), before);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    nb_send_now(pair.peer, pair.client);
    CHECK_EQ(nb_one(set, 3000, NULL), EPOLLIN);
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK_ERRNO(epoll_ctl(set, EPOLL_CTL_MOD, pair.client, &event), EINVAL);
    CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
    MUST(epoll_ctl(set, EPOLL_CTL_DEL, pair.client, &event));
    CHECK_EQ(nb_one(set, 300, NULL), 0);
    return 0;
}
