// A program that ignores the event is told four times (0, +1, +10, +100 ms), then left alone until it waits again: in a set it
// goes on waiting and hears no more, a further poll or select is a new wait with a deadline of its own. No busy loop.
// Source: SEMANTICS "Non-blocking sockets" 8.
//
// env: NETDEADLINE_READ=150ms
#include "nb_wait.h"

int main(void) {
    static const enum nb_way ways[] = {NB_POLL, NB_SELECT, NB_EPOLL_WAIT};
    static const int64_t after[] = {0, 1, 10, 100};
    for (int i = 0; i < 3; i++) {
        fprintf(stderr, "way: %s\n", nb_names[ways[i]]);
        struct nd_pair pair = nb_pair();
        struct timespec before, behind;
        char byte;
        int64_t start = nd_now();
        struct nb_waiter waiter = nb_waiter(ways[i], pair.client, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
        for (int told = 1; told < 4; told++) {
            CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
            CHECK_ENDED_AT(start, (150 + after[told]) * MS);
        }
        int64_t again = nd_now();
        if (nb_is_epoll(ways[i])) {
            CHECK_QUIET(&waiter, 600);
        } else {
            CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
            CHECK_ENDED_AT(again, 150 * MS);
        }
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &behind);
        int64_t spent = (behind.tv_sec - before.tv_sec) * SEC + behind.tv_nsec - before.tv_nsec;
        if (spent > 50 * MS) FAIL("%.3f ms of processor time in a wait", (double)spent / 1e6);
        nb_send_now(pair.peer, pair.client);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_EQ(read(pair.client, &byte, 1), 1);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
