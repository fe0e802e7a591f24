// An event of the kernel's disarms a one-shot registration too: until the program re-arms it, nothing expires there, though the
// peer is silent. A second thread would otherwise get an event for a socket that the first is still at work on.
// Source: epoll(7), EPOLLONESHOT; SEMANTICS "Classes", read ends at loss of interest.
//
// env: NETDEADLINE_READ=150ms
#include "nb_wait.h"

int main(void) {
    for (int reads = 0; reads < 3; reads++) {
        fprintf(stderr, "reads: %d\n", reads);
        struct nd_pair pair = nb_pair();
        int set = nb_set();
        char byte;
        nb_add(set, pair.client, EPOLLIN | EPOLLONESHOT);
        nb_send_now(pair.peer, pair.client);
        CHECK_EQ(nb_one(set, 3000, NULL), EPOLLIN);
        if (reads > 0) CHECK_EQ(read(pair.client, &byte, 1), 1);
        if (reads > 1) CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        CHECK_EQ(nb_one(set, 400, NULL), 0);
        CHECK_NO_RECORDS();
        close(set);
        nd_pair_close(&pair);
    }
    return 0;
}
