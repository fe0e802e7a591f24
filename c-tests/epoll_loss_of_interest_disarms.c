// Interest that is lost (EPOLL_CTL_DEL, MOD without IN, close of the set) ends the read clock: nothing is told, and when the
// interest comes back the deadline counts from there.
// Source: SEMANTICS "Classes", read ends at loss of interest.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    for (int kind = 0; kind < 4; kind++) {
        fprintf(stderr, "kind: %d\n", kind);
        struct nd_pair pair = nb_pair();
        char byte;
        int set = nb_set();
        nb_add(set, pair.client, EPOLLIN);
        CHECK_EQ(nb_one(set, 80, NULL), 0);
        if (kind == 0) MUST(epoll_ctl(set, EPOLL_CTL_DEL, pair.client, NULL));
        if (kind == 1) nb_mod(set, pair.client, 0);
        if (kind == 2) nb_mod(set, pair.client, EPOLLOUT | EPOLLET);
        if (kind == 3) {
            MUST(close(set));
            set = nb_set();
        }
        if (kind == 2) CHECK_EQ(nb_one(set, 2000, NULL), EPOLLOUT);
        CHECK_EQ(nb_one(set, 350, NULL), 0);
        int64_t start = nd_now();
        if (kind == 1 || kind == 2) nb_mod(set, pair.client, EPOLLIN);
        else nb_add(set, pair.client, EPOLLIN);
        CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        close(set);
        nd_pair_close(&pair);
    }
    CHECK_RECORDS("read", 4);
    return 0;
}
