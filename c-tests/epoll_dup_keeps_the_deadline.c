// A registered number that is closed while a dup of it lives stays registered, as the kernel has it: the expiry is told with the
// registration's data, and the dup answers.
// Source: epoll(7), Q6; SEMANTICS "fds and processes": dup then close of the original keeps the deadline.
//
// env: NETDEADLINE_READ=250ms
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set(), other, whose;
    char byte;
    int64_t start = nd_now();
    nb_add(set, pair.client, EPOLLIN);
    other = MUST(dup(pair.client));
    MUST(close(pair.client));
    CHECK_EQ(nb_one(set, 5000, &whose), EPOLLIN);
    CHECK_ENDED_AT(start, 250 * MS);
    CHECK_EQ(whose, pair.client);
    CHECK_ERRNO(read(other, &byte, 1), ETIMEDOUT);
    return 0;
}
