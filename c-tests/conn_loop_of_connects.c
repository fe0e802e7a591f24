// A program that asks by calling connect() again and again, without any wait, gets EALREADY and then, at the deadline,
// ETIMEDOUT.
// Source: SEMANTICS "Non-blocking sockets" 7.
//
// env: NETDEADLINE_CONNECT=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    int64_t start = nd_now();
    int fd = nb_connecting(&hole.at), waits = 0;
    for (;;) {
        errno = 0;
        CHECK_EQ(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), -1);
        if (errno != EALREADY) break;
        waits++;
        CHECK(nd_now() < start + 5 * SEC);
        nd_sleep(10 * MS);
    }
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK(waits > 0);
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_EQ(nd_tcp_state(fd), TCP_CLOSE);
    return 0;
}
