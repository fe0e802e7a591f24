// One fd in both sets counts twice when both of its deadlines have passed, and each direction answers for itself.
// Source: select(2): the total number of bits; SEMANTICS "Non-blocking sockets" 4.
//
// env: NETDEADLINE_READ=200ms NETDEADLINE_WRITE=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_full_pair();
    char byte;
    CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
    CHECK_ERRNO(write(pair.client, "x", 1), EAGAIN);
    int64_t start = nd_now();
    bool read_told = false, write_told = false;
    while (!read_told || !write_told) {
        fd_set in, out;
        FD_ZERO(&in);
        FD_ZERO(&out);
        if (!read_told) FD_SET(pair.client, &in);
        if (!write_told) FD_SET(pair.client, &out);
        struct timeval left = {.tv_sec = 3};
        int ready = select(pair.client + 1, &in, &out, NULL, &left);
        CHECK_EQ(ready, !!FD_ISSET(pair.client, &in) + !!FD_ISSET(pair.client, &out));
        CHECK(ready > 0);
        if (FD_ISSET(pair.client, &in)) {
            CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
            read_told = true;
        }
        if (FD_ISSET(pair.client, &out)) {
            CHECK_ERRNO(write(pair.client, "x", 1), ETIMEDOUT);
            write_told = true;
        }
    }
    CHECK_ENDED_AT(start, 150 * MS);
    return 0;
}
