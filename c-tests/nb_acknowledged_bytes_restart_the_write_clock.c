// A peer that takes bytes slowly is not cut by the write deadline, as long as it takes some: each acknowledgement restarts the
// clock, without a call of the program. When it stops, the deadline counts from the last one.
// Source: SEMANTICS "Classes", write: restarts on every byte accepted or acknowledged; "Non-blocking sockets" 5.
//
// env: NETDEADLINE_WRITE=300ms
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_full_pair();
    char block[16384];
    // The send buffer is far larger than what the peer takes, so the socket does not become writable.
    int size = 1 << 20;
    nd_raw(SYS_setsockopt, pair.client, SOL_SOCKET, SO_SNDBUF, (long)&size, sizeof size, 0);
    nd_fill(pair.client);
    CHECK_ERRNO(write(pair.client, "x", 1), EAGAIN);
    struct nb_waiter waiter = nb_waiter(NB_EPOLL_WAIT, pair.client, POLLOUT);
    int unsent, before;
    int64_t progress = 0;
    MUST(ioctl(pair.client, TIOCOUTQ, &before));
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(nb_wait(&waiter, 120), 0);
        progress = nd_now();
        do {
            nd_raw(SYS_recvfrom, pair.peer, (long)block, sizeof block, MSG_DONTWAIT, 0, 0);
            CHECK(nd_now() < progress + 3 * SEC);
            nd_sleep(2 * MS);
            MUST(ioctl(pair.client, TIOCOUTQ, &unsent));
        } while (unsent == before);
        before = unsent;
    }
    CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT);
    CHECK_ENDED_AT(progress, 300 * MS);
    CHECK_ERRNO(write(pair.client, "x", 1), ETIMEDOUT);
    CHECK_RECORDS("write", 1);
    return 0;
}
