// A number that was closed and given out again while a set and its deadlines knew it: the new socket's deadline counts from its
// own registration, and a pipe on the number has none.
// Source: TRAPS: closing an fd that is in a set, events for fds never added (libvma, Onload); SEMANTICS "fds and processes".
//
// env: NETDEADLINE_READ=300ms
#include "nb_wait.h"

int main(void) {
    int set = nb_set(), pipes[2];
    char byte;
    struct nd_pair pair = nb_pair(), next = nb_pair();
    nb_add(set, pair.client, EPOLLIN);
    CHECK_EQ(nb_one(set, 150, NULL), 0);
    MUST(close(pair.client));
    CHECK_EQ(fcntl(next.client, F_DUPFD_CLOEXEC, pair.client), pair.client);
    // Closed means out of the set: nothing is told of the number until it is registered again.
    CHECK_EQ(nb_one(set, 350, NULL), 0);
    int64_t start = nd_now();
    nb_add(set, pair.client, EPOLLIN);
    CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
    CHECK_ENDED_AT(start, 300 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    MUST(epoll_ctl(set, EPOLL_CTL_DEL, pair.client, NULL));
    nb_add(set, pair.client, EPOLLIN);
    MUST(close(next.client));
    MUST(close(pair.client));
    MUST(pipe(pipes));
    int low = MUST(fcntl(pipes[0], F_DUPFD_CLOEXEC, pair.client));
    nb_add(set, low, EPOLLIN);
    CHECK_EQ(nb_one(set, 500, NULL), 0);
    CHECK_EQ(nd_raw_write(pipes[1], "x", 1), 1);
    CHECK_EQ(nb_one(set, 3000, NULL), EPOLLIN);
    CHECK_RECORDS("read", 1);
    return 0;
}
