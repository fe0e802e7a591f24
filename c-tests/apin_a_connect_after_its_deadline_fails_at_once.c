// A connect on a socket whose write deadline is past fails at once with ETIMEDOUT, even to a listener that would answer, and
// nobody arrives there; so does every later one, until the deadline is cleared: then the same socket connects.
// Source: FACTS "Go's deadline contract": a past deadline fails at once.
//
// api: yes
#include "apin_wait.h"

int main(void) {
    struct sockaddr_in at;
    int listener = nd_listener(4, &at);
    for (int blocking = 0; blocking < 2; blocking++) {
        int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (blocking ? 0 : SOCK_NONBLOCK), 0));
        CHECK_EQ(nd_set_write_deadline(fd, nd_now() - 1), 0);
        for (int i = 0; i < 3; i++) CHECK_ERRNO(io_connect(fd, (struct sockaddr *)&at, sizeof at), ETIMEDOUT);
        CHECK(!nd_somebody_connects(listener, 50 * MS));
        CHECK_EQ(nd_set_write_deadline(fd, nd_now() + 30 * SEC), 0);
        errno = 0;
        int failed = io_connect(fd, (struct sockaddr *)&at, sizeof at);
        if (failed) CHECK_EQ(errno, EINPROGRESS);
        struct nb_waiter waiter = nb_waiter(NB_POLL, fd, POLLOUT);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT);
        CHECK_EQ(nb_so_error(fd), 0);
        CHECK(nd_somebody_connects(listener, 5 * SEC));
        nd_raw_close(nd_raw_accept(listener));
        io_close(fd);
    }
    return 0;
}
