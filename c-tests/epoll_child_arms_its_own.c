// In a set shared after fork, the child's own connection expires for the child, the parent's for the parent, both while the other
// sits in epoll_wait too.
// Source: SEMANTICS "Non-blocking sockets" 2: whoever takes a token of another process must not swallow the wake-up.
//
// env: none
// cap: 12
#include "nb_wait.h"

// Waits until this fd's own expiry came; a registration of the other process may not be told here before its data does.
static void until_own(int set, int fd, int64_t start, int64_t timeout) {
    char byte;
    int whose;
    CHECK_EQ(nb_one(set, -1, &whose), EPOLLIN);
    CHECK_EQ(whose, fd);
    CHECK_ENDED_AT(start, timeout);
    CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
}

int main(void) {
    for (int child_first = 0; child_first < 2; child_first++) {
        int set = nb_set();
        struct nd_pair parents = nb_pair();
        nd_set_timeout(parents.client, SO_RCVTIMEO, child_first ? 500 * MS : 250 * MS);
        pid_t child = MUST(fork());
        if (!child) {
            struct nd_pair own = nb_pair();
            // A number that the parent has not got: the two registrations differ in their data.
            int fd = MUST(dup2(own.client, 200));
            nd_set_timeout(fd, SO_RCVTIMEO, child_first ? 250 * MS : 500 * MS);
            int64_t start = nd_now();
            nb_add(set, fd, EPOLLIN);
            until_own(set, fd, start, child_first ? 250 * MS : 500 * MS);
            _exit(0);
        }
        // Not inherited: registered only now, so the child knows nothing of it.
        int64_t start = nd_now();
        nb_add(set, parents.client, EPOLLIN);
        until_own(set, parents.client, start, child_first ? 500 * MS : 250 * MS);
        CHECK_CHILD_OK(child, 5 * SEC);
        close(set);
        nd_pair_close(&parents);
    }
    return 0;
}
