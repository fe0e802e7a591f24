// A program that asks getsockopt(SO_ERROR) again and again, without any wait, gets 0 while the attempt is pending and
// ETIMEDOUT after the deadline.
// Source: SEMANTICS "Non-blocking sockets" 7.
//
// env: NETDEADLINE_CONNECT=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    int64_t start = nd_now();
    int fd = nb_connecting(&hole.at), error;
    CHECK_EQ(nb_so_error(fd), 0);
    while ((error = nb_so_error(fd)) == 0) {
        CHECK(nd_now() < start + 5 * SEC);
        nd_sleep(10 * MS);
    }
    CHECK_EQ(error, ETIMEDOUT);
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_EQ(nb_so_error(fd), 0);
    return 0;
}
