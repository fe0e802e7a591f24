// A listener with a full queue answers no SYN: a connect to it stays in SYN_SENT; once there is room it succeeds.
// Source: listen(2); the fixture that the connect tests stand on. Under the library without policy it is the same.
//
// native: yes
// env: none
#include "nd_test.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), EINPROGRESS);
    nd_sleep(300 * MS);
    CHECK_EQ(nd_tcp_state(fd), TCP_SYN_SENT);
    nd_open_hole(&hole);
    struct pollfd entry = {.fd = fd, .events = POLLOUT};
    CHECK_EQ(poll(&entry, 1, 10000), 1);
    CHECK_EQ(nd_tcp_state(fd), TCP_ESTABLISHED);
    return 0;
}
