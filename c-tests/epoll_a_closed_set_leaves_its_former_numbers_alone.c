// An epoll set is closed that once held a number which is another socket's by now (it was closed without EPOLL_CTL_DEL). The wait for
// that other socket, in whichever way, ends at its deadline: what was in the set is not what has its number today.
// Source: SEMANTICS "Classes", read: interest ends with EPOLL_CTL_DEL and close of what was registered; found by tests/chaos as a
// deadline that never came.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"
#include <stdatomic.h>

enum { SETS = 100 };
static int sets[SETS];
static atomic_int over;

static void *close_them(void *unused) {
    for (int i = 0; i < SETS; i++) {
        if (!atomic_load(&over)) nd_sleep(40 * MS);
        MUST(close(sets[i]));
    }
    return unused;
}

int main(void) {
    NB_EACH_WAY(way) {
        struct nd_pair former = nb_pair();
        for (int i = 0; i < SETS; i++) {
            sets[i] = nb_set();
            nb_add(sets[i], former.client, EPOLLIN);
        }
        struct nd_pair pair = nb_pair();
        MUST(dup2(pair.client, former.client));
        MUST(close(pair.client));
        pair.client = former.client;
        atomic_store(&over, 0);
        struct nd_thread closer = nd_start(close_them, NULL);
        int64_t start = nd_now();
        struct nb_waiter waiter = nb_waiter(way, pair.client, EPOLLIN);
        CHECK_EQ(nb_wait(&waiter, 3000), POLLIN);
        CHECK_ENDED_AT(start, 200 * MS);
        atomic_store(&over, 1);
        nd_join(closer, 10 * SEC);
        nb_done(&waiter);
        nd_pair_close(&pair);
        MUST(close(former.peer));
    }
    return 0;
}
