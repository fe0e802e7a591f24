// A connect to ::ffff:127.0.0.1 obeys the rule for 127.0.0.0/8.
// Source: issue 2, policy: v4-mapped.
//
// env: NETDEADLINE_RULES="to 127.0.0.0/8 connect=200ms"
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = hole.at.sin_port};
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &at.sin6_addr);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 && errno == EAFNOSUPPORT) SKIP("no IPv6 here");
    int64_t start = nd_now();
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&at, sizeof at), EINPROGRESS);
    struct nb_waiter waiter = nb_waiter(NB_POLL, fd, POLLOUT);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT | POLLERR | POLLHUP);
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_EQ(nb_so_error(fd), ETIMEDOUT);
    return 0;
}
