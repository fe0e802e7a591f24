// A non-blocking connect to a unix listener with a full queue says EAGAIN, and nothing is pending: the same with us.
// Source: connect(2), EAGAIN.
//
// native: yes
// env: none
// env: NETDEADLINE_CONNECT=200ms NETDEADLINE_RULES="to unix:*full connect=200ms"
#include "nb_wait.h"

int main(void) {
    struct sockaddr_un at;
    int listener = nd_unix_listener("./full", 0);
    socklen_t size = nd_unix_address(&at, "./full");
    int64_t start = nd_now();
    for (int i = 0;; i++) {
        int fd = MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
        CHECK(i < 16);
        if (connect(fd, (struct sockaddr *)&at, size) == 0) continue;
        CHECK_EQ(errno, EAGAIN);
        CHECK_EQ(nb_so_error(fd), 0);
        nd_raw_close(nd_raw_accept(listener));
        CHECK_EQ(connect(fd, (struct sockaddr *)&at, size), 0);
        break;
    }
    CHECK_AT_ONCE(start, 2 * SEC);
    CHECK_NO_RECORDS();
    return 0;
}
