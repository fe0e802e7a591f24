// select's own rules hold with us in front: no sets make a sleep, negative counts and timeouts are EINVAL, a closed fd EBADF, bad
// pointers EFAULT.
// Source: select(2).
//
// native: yes
// env: NETDEADLINE_READ=2s
// env: none
#include "nb_wait.h"
#include <sys/mman.h>

int main(void) {
    struct nd_pair pair = nb_pair();
    fd_set in;
    struct timeval left = {.tv_usec = 120000};
    int64_t start = nd_now();
    CHECK_EQ(select(0, NULL, NULL, NULL, &left), 0);
    CHECK_ENDED_AT(start, 120 * MS);
    left.tv_usec = 120000;
    start = nd_now();
    CHECK_EQ(select(pair.client + 1, NULL, NULL, NULL, &left), 0);
    CHECK_ENDED_AT(start, 120 * MS);
    FD_ZERO(&in);
    FD_SET(pair.client, &in);
    CHECK_ERRNO(select(-1, &in, NULL, NULL, NULL), EINVAL);
    left = (struct timeval){.tv_sec = -1};
    CHECK_ERRNO(select(pair.client + 1, &in, NULL, NULL, &left), EINVAL);
    struct timespec bad = {.tv_nsec = 1000000000};
    CHECK_ERRNO(pselect(pair.client + 1, &in, NULL, NULL, &bad, NULL), EINVAL);
    void *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_ERRNO(select(pair.client + 1, hole, NULL, NULL, NULL), EFAULT);
    CHECK_ERRNO(select(pair.client + 1, &in, hole, NULL, NULL), EFAULT);
    // A set may be given for more fds than there are; only bits that are set count.
    left = (struct timeval){.tv_usec = 50000};
    CHECK_EQ(select(FD_SETSIZE, &in, NULL, NULL, &left), 0);
    int closed = MUST(dup(pair.client));
    MUST(close(closed));
    FD_ZERO(&in);
    FD_SET(closed, &in);
    left = (struct timeval){.tv_sec = 1};
    CHECK_ERRNO(select(closed + 1, &in, NULL, NULL, &left), EBADF);
    CHECK_NO_RECORDS();
    return 0;
}
