// A closed epoll set waits for nothing: interest ends with it, as with EPOLL_CTL_DEL, and the read clock stops.
// Source: SEMANTICS "Classes", read, "loss of interest"; found by tests/chaos as a false expiry.
//
// env: NETDEADLINE_READ=100ms
#include "nb_wait.h"

static void closed(bool deleted) {
    struct nd_pair pair = nb_pair();
    int set = nb_set(), whose;
    char byte;
    nb_add(set, pair.client, EPOLLIN);
    CHECK_EQ(nd_raw_write(pair.peer, "x", 1), 1);
    CHECK_EQ(nb_one(set, 3000, &whose), EPOLLIN);
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    if (deleted) MUST(epoll_ctl(set, EPOLL_CTL_DEL, pair.client, NULL));
    MUST(close(set));
    // The program does something else; nobody waits for this connection.
    nd_sleep(400 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
    CHECK_NO_RECORDS();
    nd_pair_close(&pair);
}

int main(void) {
    closed(false);
    closed(true);
    return 0;
}
