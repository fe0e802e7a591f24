// Parent and child of a fork wait in one set: each learns of the expiry, never early, and of nothing that was not registered.
// Source: SEMANTICS "Non-blocking sockets" 2: whoever takes the other's token must not keep it; "fds and processes": after fork
// the child keeps the deadlines and makes its own.
//
// env: NETDEADLINE_READ=300ms
#include "nb_wait.h"

int main(void) {
    for (int round = 0; round < 3; round++) {
        struct nd_pair pair = nb_pair();
        int set = nb_set(), whose;
        char byte;
        int64_t start = nd_now();
        nb_add(set, pair.client, EPOLLIN);
        pid_t child = MUST(fork());
        for (int turn = 0; turn < 2; turn++) {
            CHECK_EQ(nb_one(set, 5000, &whose), EPOLLIN);
            CHECK_EQ(whose, pair.client);
            CHECK_ENDED_AT(start, 300 * MS);
            CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
            start = nd_now();
            CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        }
        if (!child) _exit(0);
        CHECK_CHILD_OK(child, 5 * SEC);
        close(set);
        nd_pair_close(&pair);
    }
    return 0;
}
