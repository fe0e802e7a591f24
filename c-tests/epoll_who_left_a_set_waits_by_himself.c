// A socket that was in an epoll set, and is in none any more, waits as one that never was in any: its program reads (EAGAIN), is away
// for more than 100 ms and a tenth of the deadline, and reads again. The two waits do not add up.
// Source: SEMANTICS "Classes", read, the gap; found by tests/chaos as a false expiry.
//
// env: none
// native: yes
#include "nb_wait.h"

enum leaving { NEVER_IN, CLOSED, DELETED, DELETED_AND_CLOSED, LEAVINGS };

int main(void) {
    for (int way = 0; way < LEAVINGS * 2; way++) {
        enum leaving leaving = (enum leaving)(way / 2);
        bool writes = way % 2;
        int two[2], set = -1;
        char bytes[8];
        fprintf(stderr, "way %d\n", way);
        MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, two));
        nd_set_timeout(two[0], SO_RCVTIMEO, 40 * MS);
        if (leaving != NEVER_IN) {
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
        nd_sleep(400 * MS);
        CHECK_ERRNO(read(two[0], bytes, sizeof bytes), EAGAIN);
        if (leaving == DELETED) MUST(close(set));
        MUST(close(two[0]));
        MUST(close(two[1]));
    }
    return 0;
}
