// Accepted sockets are left alone by rules for destinations (a client is rightly silent while its request is worked on); a
// rule `on` their local address reaches them.
// Source: SEMANTICS "Classes".
//
// env: NETDEADLINE_READ=150ms NETDEADLINE_LIFETIME=150ms NETDEADLINE_RESPONSE=150ms
// env: NETDEADLINE_RULES="to * read=150ms"
// env: NETDEADLINE_RULES="on 127.0.0.1 read=150ms" BOUNDED=1
#include "nb_wait.h"

int main(void) {
    struct sockaddr_in at;
    int listener = nd_listener(8, &at);
    NB_EACH_WAY(way) {
        char byte;
        int fd = MUST((int)nd_raw(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0));
        MUST(-nd_raw(SYS_connect, fd, (long)&at, sizeof at, 0, 0, 0));
        int64_t start = nd_now();
        int accepted = MUST(accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
        struct nb_waiter waiter = nb_waiter(way, accepted, POLLIN);
        if (getenv("BOUNDED")) {
            CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
            CHECK_ENDED_AT(start, 150 * MS);
            CHECK_ERRNO(read(accepted, &byte, 1), ETIMEDOUT);
        } else {
            CHECK_QUIET(&waiter, 250);
            CHECK_ERRNO(read(accepted, &byte, 1), EAGAIN);
        }
        nb_done(&waiter);
        close(accepted);
        nd_raw_close(fd);
    }
    if (!getenv("BOUNDED")) CHECK_NO_RECORDS();
    return 0;
}
