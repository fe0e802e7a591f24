// With room for a single event per call, five sockets that expire together are all told, one by one, beside a pipe that is
// always ready: nobody starves.
// Source: SEMANTICS "Non-blocking sockets" 2; TRAPS: starvation (VPP vcl).
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    enum { COUNT = 5 };
    struct nd_pair pairs[COUNT];
    bool told[COUNT] = {false};
    int set = nb_set(), pipes[2], left = COUNT, from_pipe = 0;
    MUST(pipe(pipes));
    CHECK_EQ(write(pipes[1], "x", 1), 1);
    int64_t start = nd_now();
    nb_add(set, pipes[0], EPOLLIN);
    for (int i = 0; i < COUNT; i++) {
        pairs[i] = nb_pair();
        nb_add(set, pairs[i].client, EPOLLIN);
    }
    while (left > 0 || from_pipe < 3) {
        int whose;
        char byte;
        CHECK_EQ(nb_one(set, 1000, &whose), EPOLLIN);
        CHECK(nd_now() < start + 4 * SEC);
        if (whose == pipes[0]) {
            from_pipe++;
            nd_sleep(1 * MS);
            continue;
        }
        for (int i = 0; i < COUNT; i++) {
            if (pairs[i].client != whose) continue;
            CHECK_ENDED_AT(start, 200 * MS);
            CHECK_ERRNO(read(whose, &byte, 1), ETIMEDOUT);
            if (!told[i]) left--;
            told[i] = true;
        }
    }
    return 0;
}
