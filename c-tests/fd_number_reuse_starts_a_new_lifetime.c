// A connection that expired leaves nothing behind on its number: the next connection there lives its own whole lifetime,
// whether the old one was closed with close, by stdio or behind our back.
// Source: SEMANTICS "fds and processes"; "Classes", lifetime.
//
// env: NETDEADLINE_LIFETIME=700ms
#include "fd_nd.h"

int main(void) {
    for (int way = 0; way < 3; way++) {
        int64_t start = nd_now();
        struct nd_pair old = nd_tcp_pair();
        char byte;
        CHECK_ERRNO(read(old.client, &byte, 1), ETIMEDOUT);
        CHECK_ENDED_AT(start, 700 * MS);
        CHECK_ERRNO(read(old.client, &byte, 1), ETIMEDOUT);
        if (way == 0) close(old.client);
        if (way == 1) CHECK_EQ(fclose(fdopen(old.client, "r")), 0);
        if (way == 2) nd_raw_close(old.client);
        struct sockaddr_in at;
        int listener = nd_raw(SYS_fcntl, nd_listener(2, &at), F_DUPFD_CLOEXEC, 100, 0, 0, 0);
        CHECK(listener >= 100);
        nd_raw_close(old.client);
        start = nd_now();
        int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
        CHECK_EQ(fd, old.client);
        CHECK_EQ(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
        CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
        CHECK_ENDED_AT(start, 700 * MS);
        close(fd);
        nd_raw_close(listener);
        nd_raw_close(old.peer);
    }
    return 0;
}
