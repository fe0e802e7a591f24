// A socket is in a set under two numbers, one for input, the other, a dup, for room only (as some loops do to keep the two apart). What
// is done with the second number is no loss of interest in input: the read deadline holds.
// Source: SEMANTICS "Non-blocking sockets" 4, several registrations; epoll(7), Q0.
//
// env: NETDEADLINE_READ=300ms
#include "nb_wait.h"

enum deed { ADDED, CHANGED, DELETED, CLOSED, OTHER_SET_CLOSED, DEEDS };

int main(void) {
    for (enum deed deed = ADDED; deed < DEEDS; deed++) {
        struct nd_pair pair = nb_pair();
        int set = nb_set(), other_set = nb_set(), other = MUST(dup(pair.client)), whose;
        char byte;
        fprintf(stderr, "deed %d\n", deed);
        int64_t start = nd_now();
        nb_add(set, pair.client, EPOLLIN);
        nb_add(deed == OTHER_SET_CLOSED ? other_set : set, other, EPOLLOUT | EPOLLET);
        if (deed != OTHER_SET_CLOSED) {
            CHECK_EQ(nb_one(set, 1000, &whose), EPOLLOUT);
            CHECK_EQ(whose, other);
        }
        if (deed == CHANGED) nb_mod(set, other, EPOLLET);
        if (deed == DELETED) MUST(epoll_ctl(set, EPOLL_CTL_DEL, other, NULL));
        if (deed == CLOSED) {
            MUST(epoll_ctl(set, EPOLL_CTL_DEL, other, NULL));
            MUST(close(other));
        }
        MUST(close(other_set));
        CHECK_EQ(nb_one(set, 3000, &whose), EPOLLIN);
        CHECK_EQ(whose, pair.client);
        CHECK_ENDED_AT(start, 300 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        if (deed != CLOSED) MUST(close(other));
        MUST(close(set));
        nd_pair_close(&pair);
    }
    return 0;
}
