// connect() on a datagram socket is not an attempt: no class of a policy applies to it.
// Source: SEMANTICS "Classes": datagram sockets obey sources 1 and 2 only.
//
// native: yes
// env: NETDEADLINE_CONNECT=100ms NETDEADLINE_READ=100ms NETDEADLINE_RESPONSE=100ms NETDEADLINE_LIFETIME=100ms
#include "nb_wait.h"

int main(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int peer = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    MUST(bind(peer, (struct sockaddr *)&at, sizeof at));
    MUST(getsockname(peer, (struct sockaddr *)&at, &size));
    int fd = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    MUST(connect(fd, (struct sockaddr *)&at, sizeof at));
    char byte;
    CHECK_ERRNO(recv(fd, &byte, 1, 0), EAGAIN);
    NB_EACH_WAY(way) {
        CHECK_EQ(send(fd, "x", 1, 0), 1);
        struct nb_waiter waiter = nb_waiter(way, fd, POLLIN);
        CHECK_QUIET(&waiter, 200);
        nb_done(&waiter);
    }
    CHECK_ERRNO(recv(fd, &byte, 1, 0), EAGAIN);
    CHECK_NO_RECORDS();
    return 0;
}
