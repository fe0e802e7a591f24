// The numbers that the program gets for its fds are those it would get without us, also under a small RLIMIT_NOFILE: what is
// hidden lies above or is not there.
// Source: SEMANTICS "Non-blocking sockets" 2: high fd number.
//
// native: yes
// env: NETDEADLINE_READ=100ms NETDEADLINE_CONNECT=1s
// env: none
#include "nb_wait.h"
#include <sys/resource.h>

int main(void) {
    struct rlimit limit = {.rlim_cur = 24, .rlim_max = 24};
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    struct nd_pair pair = nb_pair();
    int set = nb_set(), lowest = MUST(dup(0));
    MUST(close(lowest));
    nb_add(set, pair.client, EPOLLIN);
    nb_one(set, 150, NULL);
    int next = MUST(dup(0));
    CHECK_EQ(next, lowest);
    // The program can have every number up to the limit.
    for (int fd = next + 1; fd < 24; fd++) CHECK_EQ(dup(0), fd);
    CHECK_ERRNO(dup(0), EMFILE);
    return 0;
}
