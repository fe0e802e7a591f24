// A datagram socket obeys the timeouts that the program set on it, also without blocking, in every wait.
// Source: SEMANTICS "Classes": datagram sockets obey sources 1 and 2.
//
// env: none
#include "nb_wait.h"

int main(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    char byte;
    NB_EACH_WAY(way) {
        int fd = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        at.sin_port = 0;
        MUST(bind(fd, (struct sockaddr *)&at, sizeof at));
        MUST(getsockname(fd, (struct sockaddr *)&at, &size));
        nd_set_timeout(fd, SO_RCVTIMEO, 200 * MS);
        int64_t start = nd_now();
        struct nb_waiter waiter = nb_waiter(way, fd, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_ERRNO(recv(fd, &byte, 1, 0), ETIMEDOUT);
        CHECK_EQ(sendto(fd, "d", 1, 0, (struct sockaddr *)&at, sizeof at), 1);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_EQ(recv(fd, &byte, 1, 0), 1);
        nb_done(&waiter);
        close(fd);
    }
    return 0;
}
