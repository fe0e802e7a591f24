// A socket that was in an epoll set, and is in none any more, waits as one that never was in any: its program reads (EAGAIN), is away
// for more than 100 ms and a tenth of the deadline, and reads again. The two waits do not add up.
// Source: SEMANTICS "Classes", read, the gap; found by tests/chaos as a false expiry.
//
// env: none
// native: yes
#include "nb_wait.h"

enum leaving { NEVER_IN, CLOSED, DELETED, DELETED_AND_CLOSED, NUMBER_CLOSED, LEAVINGS };

static void leave(enum leaving leaving, bool writes, bool twin) {
    int two[2], set = -1, other = -1;
    char bytes[8];
    fprintf(stderr, "leaving %d%s%s\n", leaving, writes ? ", writes" : "", twin ? ", with a twin" : "");
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, two));
    nd_set_timeout(two[0], SO_RCVTIMEO, 40 * MS);
    if (twin) other = MUST(dup(two[0]));
    if (leaving == NUMBER_CLOSED) {
        // A one-shot registration whose number goes before the set does.
        int number = MUST(dup(two[0]));
        set = nb_set();
        nb_add(set, number, EPOLLIN | EPOLLONESHOT);
        MUST(close(number));
        CHECK_EQ(nb_one(set, 0, NULL), 0);
        MUST(close(set));
    } else if (leaving != NEVER_IN) {
        set = nb_set();
        nb_add(set, two[0], EPOLLIN);
        CHECK_EQ(nb_one(set, 0, NULL), 0);
        if (leaving != CLOSED) MUST(epoll_ctl(set, EPOLL_CTL_DEL, two[0], NULL));
        if (leaving != DELETED) MUST(close(set));
    }
    if (writes)
        CHECK_EQ(write(two[0], "a", 1), 1);
    else
        CHECK_ERRNO(read(two[0], bytes, sizeof bytes), EAGAIN);
    nd_sleep(300 * MS);
    CHECK_ERRNO(read(two[0], bytes, sizeof bytes), EAGAIN);
    if (leaving == DELETED) MUST(close(set));
    if (twin) MUST(close(other));
    MUST(close(two[0]));
    MUST(close(two[1]));
}

int main(void) {
    for (int way = 0; way < LEAVINGS * 4; way++) leave((enum leaving)(way / 4), way % 2, way / 2 % 2);
    return 0;
}
