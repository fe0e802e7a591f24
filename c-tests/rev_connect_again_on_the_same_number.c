// An attempt that was refused is over: the next connect() on the same socket has its whole deadline.
// Source: SEMANTICS "Classes": connect "per attempt", "ends at success, failure, close".
//
// env: NETDEADLINE_CONNECT=500ms HOW=so_error
// env: NETDEADLINE_CONNECT=500ms HOW=connect
// env: NETDEADLINE_CONNECT=500ms HOW=read
// cap: 12
#include "nb_wait.h"

int main(void) {
    const char *how = getenv("HOW");
    struct sockaddr_in dead;
    close(nd_listener(1, &dead));
    struct nd_hole hole = nd_black_hole();
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)), error = 0;
    socklen_t size = sizeof error;
    char byte;
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&dead, sizeof dead), EINPROGRESS);
    struct pollfd entry = {.fd = fd, .events = POLLOUT};
    CHECK_EQ(poll(&entry, 1, 5000), 1);
    if (!strcmp(how, "so_error")) {
        MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
        CHECK_EQ(error, ECONNREFUSED);
        // Linux tells once more before it lets the socket try again (net/ipv4/af_inet.c, SS_CONNECTING).
        CHECK_ERRNO(connect(fd, (struct sockaddr *)&dead, sizeof dead), ECONNABORTED);
    } else if (!strcmp(how, "connect")) {
        CHECK_ERRNO(connect(fd, (struct sockaddr *)&dead, sizeof dead), ECONNREFUSED);
    } else {
        CHECK_ERRNO(read(fd, &byte, 1), ECONNREFUSED);
        CHECK_ERRNO(connect(fd, (struct sockaddr *)&dead, sizeof dead), ECONNABORTED);
    }
    nd_sleep(700 * MS);
    int64_t start = nd_now();
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), EINPROGRESS);
    CHECK_EQ(poll(&entry, 1, 5000), 1);
    CHECK_ENDED_AT(start, 500 * MS);
    MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size));
    CHECK_EQ(error, ETIMEDOUT);
    CHECK_RECORDS("connect", 1);
    return 0;
}
