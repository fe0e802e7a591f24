// Observe mode records what would have expired once, however long the same wait goes on.
// Source: SEMANTICS "Policy text", NETDEADLINE_MODE.
//
// env: NETDEADLINE_READ=200ms NETDEADLINE_MODE=observe HOW=poll
// env: NETDEADLINE_READ=200ms NETDEADLINE_MODE=observe HOW=epoll
// env: NETDEADLINE_READ=200ms NETDEADLINE_MODE=observe HOW=select
// cap: 12
#include "nb_wait.h"

int main(void) {
    const char *how = getenv("HOW");
    struct nd_pair pair = nb_pair();
    if (!strcmp(how, "poll")) {
        struct pollfd entry = {.fd = pair.client, .events = POLLIN};
        CHECK_EQ(poll(&entry, 1, 1500), 0);
    } else if (!strcmp(how, "epoll")) {
        int set = nb_set();
        nb_add(set, pair.client, EPOLLIN);
        CHECK_EQ(nb_one(set, 1500, NULL), 0);
    } else {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(pair.client, &set);
        struct timeval time = {1, 500000};
        CHECK_EQ(select(pair.client + 1, &set, NULL, NULL, &time), 0);
    }
    CHECK_RECORDS("read", 1);
    return 0;
}
