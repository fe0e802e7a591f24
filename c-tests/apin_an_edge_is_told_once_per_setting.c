// An edge-triggered registration tells a passed deadline once; setting a past instant again is another edge, and so is data that
// comes, and so is a registration made or changed while the deadline is past.
// Source: SEMANTICS "Sources of a deadline" 1; epoll(7), edge-triggered.
//
// api: linked preloaded sanitized
#include "apin_wait.h"

int main(void) {
    APIN_EACH_KIND(kind) {
        struct nd_pair pair = apin_pair(kind);
        int set = nb_set();
        char byte;
        nb_add(set, pair.client, EPOLLIN | EPOLLET);
        int64_t start = nd_now();
        CHECK_EQ(nd_set_read_deadline(pair.client, start + 40 * MS), 0);
        CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
        CHECK_ENDED_AT(start, 40 * MS);
        CHECK_EQ(nb_one(set, 60, NULL), 0);
        CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_EQ(nb_one(set, 60, NULL), 0);
        for (int round = 0; round < 3; round++) {
            CHECK_EQ(nd_set_read_deadline(pair.client, round - 1), 0);
            if (round == 1) {
                // 0 is no deadline: nothing to tell.
                CHECK_EQ(nb_one(set, 60, NULL), 0);
                continue;
            }
            CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
            CHECK_EQ(nb_one(set, 60, NULL), 0);
            CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        }
        apin_arrive(&pair, "a", 1);
        CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
        CHECK_EQ(nb_one(set, 60, NULL), 0);
        CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_EQ(nd_set_read_deadline(pair.client, 0), 0);
        apin_read_all(pair.client, "a", 1);

        CHECK_EQ(nd_set_read_deadline(pair.client, 1), 0);
        nb_mod(set, pair.client, EPOLLIN | EPOLLET);
        CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
        MUST(epoll_ctl(set, EPOLL_CTL_DEL, pair.client, NULL));
        nb_add(set, pair.client, EPOLLIN | EPOLLET);
        CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
        CHECK_EQ(nb_one(set, 60, NULL), 0);
        io_close(set);
        api_close(&pair);
    }
    return 0;
}
