// A connection that is busy costs no wake-ups at its old deadlines worth speaking of, and a set that waits does not spin: little
// processor time, whatever is armed.
// Source: TRAPS: 100 % CPU in epoll_wait (libvma #33); SEMANTICS "Non-blocking sockets" 9: never round down to 0.
//
// env: NETDEADLINE_READ=300ms
#include "nb_wait.h"
#include <sys/resource.h>

int main(void) {
    struct nd_pair pair = nb_pair();
    struct nd_later later;
    struct timespec before, behind;
    struct rusage used, using;
    char byte;
    int set = nb_set(), bits, wakeups = 0;
    nb_add(set, pair.client, EPOLLIN);
    nd_drip(&later, pair.peer, 50 * MS, 20);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    getrusage(RUSAGE_THREAD, &used);
    for (;;) {
        bits = nb_one(set, 5000, NULL);
        wakeups++;
        CHECK_EQ(bits, EPOLLIN);
        if (read(pair.client, &byte, 1) != 1) break;
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &behind);
    getrusage(RUSAGE_THREAD, &using);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_EQ(wakeups, 21);
    int64_t spent = (behind.tv_sec - before.tv_sec) * SEC + behind.tv_nsec - before.tv_nsec;
    if (spent > 100 * MS) FAIL("%.3f ms of processor time", (double)spent / 1e6);
    // 21 events; between them at most a wake-up per deadline that had moved.
    long sleeps = using.ru_nvcsw - used.ru_nvcsw;
    if (sleeps > 60) FAIL("%ld sleeps for %d events", sleeps, wakeups);
    nd_later_join(&later);
    return 0;
}
