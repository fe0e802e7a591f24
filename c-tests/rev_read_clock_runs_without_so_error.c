// A non-blocking connect that succeeded ends with the first wait that says so, also for a program that never asks SO_ERROR and
// never writes (a server that speaks first): its wait for input is bounded by class read.
// Source: SEMANTICS "Classes": connect "ends at success"; read "while the program waits for data".
//
// env: NETDEADLINE_READ=300ms HOW=poll
// env: NETDEADLINE_READ=300ms HOW=epoll
// env: NETDEADLINE_READ=300ms HOW=read
// env: NETDEADLINE_READ=300ms NETDEADLINE_CONNECT=3s HOW=poll
// cap: 12
#include "nb_wait.h"

int main(void) {
    const char *how = getenv("HOW");
    struct sockaddr_in at;
    char byte;
    int listener = nd_listener(8, &at), fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&at, sizeof at), EINPROGRESS);
    struct pollfd entry = {.fd = fd, .events = POLLOUT};
    CHECK_EQ(poll(&entry, 1, 5000), 1);
    CHECK_EQ(entry.revents, POLLOUT);
    int64_t start = nd_now();
    if (!strcmp(how, "poll")) {
        entry.events = POLLIN;
        CHECK_EQ(poll(&entry, 1, 5000), 1);
    } else if (!strcmp(how, "epoll")) {
        int set = nb_set();
        nb_add(set, fd, EPOLLIN);
        CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
    } else {
        MUST(fcntl(fd, F_SETFL, 0));
        nd_set_timeout(fd, SO_RCVTIMEO, 5 * SEC);
    }
    CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
    int64_t took = nd_now() - start;
    if (took < 300 * MS || took > 1500 * MS) FAIL("took %.1f ms", (double)took / 1e6);
    close(listener);
    return 0;
}
