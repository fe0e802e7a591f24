// poll's own rules hold with us in front: negative fds are skipped, no fds make a sleep, a closed fd is POLLNVAL at once, a bad
// pointer is EFAULT, too many fds EINVAL, revents of the rest are cleared.
// Source: poll(2).
//
// native: yes
// env: NETDEADLINE_READ=2s
// env: none
// needs: musl
#include "nb_wait.h"
#include <sys/mman.h>
#include <sys/resource.h>

int main(void) {
    struct nd_pair pair = nb_pair();
    int closed = MUST(dup(pair.client));
    MUST(close(closed));
    int64_t start = nd_now();
    CHECK_EQ(poll(NULL, 0, 100), 0);
    CHECK_ENDED_AT(start, 100 * MS);
    struct pollfd entries[4] = {{.fd = -1, .events = POLLIN, .revents = 77},
                                {.fd = pair.client, .events = POLLIN, .revents = 77},
                                {.fd = -pair.client, .events = POLLIN, .revents = 77},
                                {.fd = pair.client, .events = POLLOUT, .revents = 77}};
    start = nd_now();
    CHECK_EQ(poll(entries, 3, 100), 0);
    CHECK_ENDED_AT(start, 100 * MS);
    for (int i = 0; i < 3; i++) CHECK_EQ(entries[i].revents, 0);
    CHECK_EQ(entries[3].revents, 77);
    CHECK_EQ(poll(entries, 4, 5000), 1);
    CHECK_EQ(entries[3].revents, POLLOUT);
    entries[3].fd = closed;
    start = nd_now();
    CHECK_EQ(poll(entries, 4, 5000), 1);
    CHECK_EQ(entries[3].revents, POLLNVAL);
    CHECK_EQ(entries[1].revents, 0);
    CHECK_AT_ONCE(start, 2 * SEC);
    void *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK_ERRNO(poll(hole, 1, 0), EFAULT);
    CHECK_ERRNO(poll(hole, 1, 100), EFAULT);
    CHECK_ERRNO(ppoll(hole, 1, NULL, NULL), EFAULT);
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_NOFILE, &limit));
    CHECK_ERRNO(poll(entries, limit.rlim_cur + 1, 0), EINVAL);
    struct timespec bad = {.tv_sec = 0, .tv_nsec = 1000000000};
    CHECK_ERRNO(ppoll(entries, 1, &bad, NULL), EINVAL);
    CHECK_NO_RECORDS();
    return 0;
}
