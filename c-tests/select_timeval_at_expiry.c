// At an expiry select's timeval holds the rest of the program's own timeout, as after any event.
// Source: select(2); SEMANTICS "Non-blocking sockets".
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    struct timeval left = {.tv_sec = 4};
    fd_set in;
    FD_ZERO(&in);
    FD_SET(pair.client, &in);
    int64_t start = nd_now();
    CHECK_EQ(select(pair.client + 1, &in, NULL, NULL, &left), 1);
    int64_t took = nd_now() - start;
    CHECK_ENDED_AT(start, 200 * MS);
    int64_t rest = left.tv_sec * SEC + left.tv_usec * 1000;
    CHECK(rest <= 4 * SEC - 199 * MS);
    CHECK(rest >= 4 * SEC - took - 10 * MS);
    return 0;
}
