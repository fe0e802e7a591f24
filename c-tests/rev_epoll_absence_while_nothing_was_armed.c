// A thread that sits in a wait is not away: what another thread arms meanwhile expires at its own deadline, also in a set that
// had a deadline long ago.
// Source: SEMANTICS "Classes", read ("a gap between two waits"), "Non-blocking sockets" 2.
//
// env: NETDEADLINE_READ=500ms
// cap: 12
#include "nb_wait.h"

static int set;
static int64_t start;
static void *sleeper(void *argument) {
    (void)argument;
    CHECK_EQ(nb_one(set, 8000, NULL), EPOLLIN);
    int64_t took = nd_now() - start;
    if (took < 500 * MS || took > 900 * MS) FAIL("took %.1f ms", (double)took / 1e6);
    return NULL;
}
int main(void) {
    set = nb_set();
    struct nd_pair first = nb_pair();
    nb_add(set, first.client, EPOLLIN);
    CHECK_EQ(nb_one(set, 100, NULL), 0);
    nd_pair_close(&first);
    // Past the first one's instant the set has nothing armed.
    CHECK_EQ(nb_one(set, 700, NULL), 0);
    struct nd_pair pair = nb_pair();
    struct nd_thread thread = nd_start(sleeper, NULL);
    nd_sleep(200 * MS);
    start = nd_now();
    nb_add(set, pair.client, EPOLLIN);
    nd_join(thread, 9 * SEC);
    return 0;
}
