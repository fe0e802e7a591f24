// After an expiry the sets hold exactly what is ready: the expired socket, not the others, and nothing among the exceptions.
// After the program's own timeout they are empty; after an error they are as they were.
// Source: select(2); SEMANTICS "Non-blocking sockets" 4.
//
// env: none
#include "nb_wait.h"

int main(void) {
    struct nd_pair expires = nb_pair(), quiet = nb_pair();
    fd_set in, out, odd, empty;
    char byte;
    nd_set_timeout(expires.client, SO_RCVTIMEO, 200 * MS);
    int high = (expires.client > quiet.client ? expires.client : quiet.client) + 1;
    FD_ZERO(&empty);
    FD_ZERO(&in);
    FD_SET(expires.client, &in);
    FD_SET(quiet.client, &in);
    odd = in;
    FD_ZERO(&out);
    struct timeval left = {.tv_usec = 100000};
    CHECK_EQ(select(high, &in, &out, &odd, &left), 0);
    CHECK_EQ(memcmp(&in, &empty, sizeof in), 0);
    CHECK_EQ(memcmp(&odd, &empty, sizeof odd), 0);

    FD_SET(expires.client, &in);
    FD_SET(quiet.client, &in);
    odd = in;
    CHECK_EQ(select(high, &in, &out, &odd, NULL), 1);
    CHECK(FD_ISSET(expires.client, &in));
    FD_CLR(expires.client, &in);
    CHECK_EQ(memcmp(&in, &empty, sizeof in), 0);
    CHECK_EQ(memcmp(&odd, &empty, sizeof odd), 0);
    CHECK_EQ(memcmp(&out, &empty, sizeof out), 0);
    CHECK_ERRNO(read(expires.client, &byte, 1), ETIMEDOUT);

    int closed = MUST(dup(quiet.client));
    MUST(close(closed));
    FD_SET(expires.client, &in);
    FD_SET(closed, &in);
    fd_set before = in;
    CHECK_ERRNO(select(closed + 1 > high ? closed + 1 : high, &in, NULL, NULL, NULL), EBADF);
    CHECK_EQ(memcmp(&in, &before, sizeof in), 0);
    return 0;
}
