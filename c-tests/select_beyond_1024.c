// select with more than 1024 bits (programs bring their own, larger sets) works for events and for expiries alike, and no bit
// past nfds is touched.
// Source: select(2), BUGS: the kernel has no such limit; TRAPS: arrays overrun.
//
// native: yes
// env: NETDEADLINE_READ=200ms
// env: none
#include "nb_wait.h"
#include <sys/resource.h>

enum { FD = 3000, BITS = 8 * sizeof(long), WORDS = 4096 / BITS };

int main(void) {
    static unsigned long in[WORDS];
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_NOFILE, &limit));
    if (limit.rlim_max <= FD) SKIP("no room for fd %d", FD);
    if (limit.rlim_cur <= FD) limit.rlim_cur = FD + 100 < limit.rlim_max ? FD + 100 : limit.rlim_max;
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    struct nd_pair pair = nb_pair();
    CHECK_EQ(fcntl(pair.client, F_DUPFD_CLOEXEC, FD), FD);
    CHECK_EQ(dup2(pair.client, FD + 1), FD + 1);
    const char *bounded = getenv("NETDEADLINE_READ");
    for (int i = 0; i < WORDS; i++) in[i] = 0;
    in[FD / BITS] |= 1UL << FD % BITS;
    in[WORDS - 1] = 0x5a5a;
    struct timeval left = {.tv_usec = 500000};
    int64_t start = nd_now();
    CHECK_EQ(select(FD + 1, (fd_set *)in, NULL, NULL, &left), bounded != NULL);
    CHECK_ENDED_AT(start, (bounded ? 200 : 500) * MS);
    CHECK_EQ(in[FD / BITS], bounded ? 1UL << FD % BITS : 0);
    CHECK_EQ(in[WORDS - 1], 0x5a5a);
    nb_send_now(pair.peer, pair.client);
    in[FD / BITS] = 1UL << FD % BITS | 1UL << (FD + 1) % BITS;
    struct timespec at = {.tv_sec = 3};
    CHECK_EQ(pselect(FD + 2, (fd_set *)in, NULL, NULL, &at, NULL), 2);
    CHECK_EQ(in[WORDS - 1], 0x5a5a);
    char byte;
    CHECK_EQ(read(FD, &byte, 1), 1);
    return 0;
}
