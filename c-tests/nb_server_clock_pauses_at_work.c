// On an accepted socket the read clock pauses between a request that was read and the answer that is written: the client is
// silent because the server works. After the answer it runs again.
// Source: SEMANTICS "Classes" (seen with nginx waiting for its upstream).
//
// env: NETDEADLINE_RULES="on 127.0.0.1 read=150ms"
#include "nb_wait.h"

int main(void) {
    struct sockaddr_in at;
    int listener = nd_listener(8, &at);
    NB_EACH_WAY(way) {
        char byte;
        int fd = MUST((int)nd_raw(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0));
        MUST(-nd_raw(SYS_connect, fd, (long)&at, sizeof at, 0, 0, 0));
        int accepted = MUST(accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
        struct nb_waiter waiter = nb_waiter(way, accepted, POLLIN);
        nb_send_now(fd, accepted);
        CHECK_EQ(nb_wait(&waiter, 3000), POLLIN);
        CHECK_EQ(read(accepted, &byte, 1), 1);
        CHECK_QUIET(&waiter, 300);
        int64_t start = nd_now();
        CHECK_EQ(write(accepted, "a", 1), 1);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ENDED_AT(start, 150 * MS);
        CHECK_ERRNO(read(accepted, &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        close(accepted);
        nd_raw_close(fd);
    }
    return 0;
}
