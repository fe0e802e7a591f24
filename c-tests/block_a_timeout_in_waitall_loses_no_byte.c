// A MSG_WAITALL that times out with a part in hand, a SO_RCVLOWAT that was not reached: every byte that came is delivered,
// by this call or by the next.
// Source: SEMANTICS "Blocking calls"; STYLE ("a signal that lands earlier never loses bytes that were already read").
//
// env: NETDEADLINE_READ=400ms
#include "nd_test.h"

static void partial(struct nd_pair *pair, int flags) {
    char bytes[16] = {0};
    CHECK_EQ(nd_raw_write(pair->peer, "abc", 3), 3);
    int64_t start = nd_now();
    ssize_t got = recv(pair->client, bytes, 10, flags);
    CHECK_ENDED_AT(start, 400 * MS);
    if (got == -1) {
        CHECK_EQ(errno, ETIMEDOUT);
        got = 0;
    }
    CHECK(got == 0 || got == 3);
    if (got == 0) CHECK_EQ(recv(pair->client, bytes, 10, MSG_DONTWAIT), 3);
    CHECK(!memcmp(bytes, "abc", 3));
    CHECK_ERRNO(recv(pair->client, bytes, 10, MSG_DONTWAIT), EAGAIN);
}

int main(void) {
    struct nd_pair pair = nd_tcp_pair(), other = nd_tcp_pair();
    int lowat = 10;
    partial(&pair, MSG_WAITALL);
    MUST(setsockopt(other.client, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof lowat));
    partial(&other, 0);
    return 0;
}
