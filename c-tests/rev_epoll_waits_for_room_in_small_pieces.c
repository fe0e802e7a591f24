// A level-triggered loop that writes one small piece at each EPOLLOUT never meets EAGAIN nor a short write: when the peer stops
// reading, the event just does not come. That wait for room is bounded by class write.
// Source: SEMANTICS "Classes", write: "it waits for anything while sent bytes stay unacknowledged".
//
// env: NETDEADLINE_WRITE=500ms WANTS=out
// env: NETDEADLINE_WRITE=500ms WANTS=both
// cap: 15
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    static char piece[512];
    nd_small_buffers(&pair);
    nd_nonblocking(pair.client);
    int set = nb_set();
    uint32_t wants = strcmp(getenv("WANTS"), "out") ? EPOLLIN | EPOLLOUT : EPOLLOUT;
    nb_add(set, pair.client, wants);
    for (;;) {
        int bits = nb_one(set, 6000, NULL);
        if (!bits) FAIL("no event in 6 s");
        ssize_t sent = bits & EPOLLOUT ? write(pair.client, piece, sizeof piece) : read(pair.client, piece, 1);
        if (sent == (ssize_t)sizeof piece) continue;
        CHECK_EQ(sent, -1);
        CHECK_EQ(errno, ETIMEDOUT);
        break;
    }
    CHECK_RECORDS("write", 1);
    return 0;
}
