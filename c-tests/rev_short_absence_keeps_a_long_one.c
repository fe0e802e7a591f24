// An absence that started the clock anew stays counted when a shorter one follows.
// Source: SEMANTICS "Classes", read: "a gap between two waits of more than max(100 ms, D/10) starts it anew".
//
// env: NETDEADLINE_READ=2s
// cap: 12
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set();
    nb_add(set, pair.client, EPOLLIN);
    int64_t start = nd_now();
    CHECK_EQ(nb_one(set, 50, NULL), 0);
    nd_sleep(1500 * MS);
    int64_t back = nd_now();
    CHECK_EQ(nb_one(set, 50, NULL), 0);
    nd_sleep(130 * MS);
    CHECK_EQ(nb_one(set, 8000, NULL), EPOLLIN);
    fprintf(stderr, "%.1f ms after the start, %.1f after the long absence\n", (double)(nd_now() - start) / 1e6,
            (double)(nd_now() - back) / 1e6);
    CHECK_ENDED_AT(back, 2 * SEC);
    return 0;
}
