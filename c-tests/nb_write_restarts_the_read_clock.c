// Every successful write restarts the read clock: a new request, a new wait for its answer. Also when another thread writes
// while this one waits.
// Source: SEMANTICS "Classes", read.
//
// env: NETDEADLINE_READ=250ms
#include "nb_wait.h"

enum { WRITES = 3 };
static int64_t before[WRITES], after[WRITES];

static void *writer(void *argument) {
    int *fd = argument;
    for (int i = 0; i < WRITES; i++) {
        nd_sleep(100 * MS);
        before[i] = nd_now();
        CHECK_EQ(write(*fd, "q", 1), 1);
        after[i] = nd_now();
    }
    return NULL;
}

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair pair = nb_pair();
        char byte;
        int64_t start = nd_now(), last = start;
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        struct nd_thread thread = nd_start(writer, &pair.client);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        int64_t end = nd_now();
        nd_join(thread, 5 * SEC);
        // On a busy machine the writer may have come too late: only writes that were over before the end count.
        for (int i = 0; i < WRITES; i++)
            if (after[i] < end - 20 * MS) last = before[i];
        CHECK(last > start);
        if (end < last + 250 * MS) FAIL("%.3f ms after the last write", (double)(end - last) / 1e6);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
