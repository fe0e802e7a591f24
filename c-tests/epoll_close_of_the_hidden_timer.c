// The hidden fd is not the program's: close() on its number answers EBADF, the fd stays, and deadlines hold. So does the
// dup2 of something else over the number succeed, and deadlines hold then too.
// Source: SEMANTICS "Non-blocking sockets" 2.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set(), hidden = -1, pipes[2];
    char byte;
    nb_add(set, pair.client, EPOLLIN);
    CHECK_EQ(nb_one(set, 50, NULL), 0);
    CHECK_EQ(nb_timerfds(&hidden), 1);
    CHECK_ERRNO(close(hidden), EBADF);
    CHECK_EQ(nb_timerfds(NULL), 1);
    CHECK(fcntl(hidden, F_GETFD) == -1 || fcntl(hidden, F_GETFD) == FD_CLOEXEC);
    int64_t start = nd_now();
    nb_mod(set, pair.client, 0);
    nb_mod(set, pair.client, EPOLLIN);
    CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    MUST(pipe(pipes));
    CHECK_EQ(dup2(pipes[0], hidden), hidden);
    CHECK_EQ(nd_raw_write(pipes[1], "x", 1), 1);
    CHECK_EQ(read(hidden, &byte, 1), 1);
    start = nd_now();
    nb_mod(set, pair.client, 0);
    nb_mod(set, pair.client, EPOLLIN);
    CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_EQ(close(hidden), 0);
    return 0;
}
