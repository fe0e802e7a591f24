// read(fd, p, 0) leaves a datagram where it is, recv(fd, p, 0, 0) takes it; on a stream read of nothing returns at once and
// recv of nothing waits for data without taking it; writing nothing never waits; no vectors are nothing.
// Source: read(2), recv(2); SEMANTICS "Blocking calls"; TRAPS (writev with 0 vectors, zero-length send).
//
// native: yes
// env: none
// env: NETDEADLINE_READ=3s NETDEADLINE_WRITE=3s NETDEADLINE_RESPONSE=3s
// env: NETDEADLINE_RULES="to unix:* read=3s"
#include "nd_test.h"

int main(void) {
    char bytes[8];
    int ends[2];
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
    CHECK_EQ(nd_raw_write(ends[1], "abc", 3), 3);
    CHECK_EQ(nd_raw_write(ends[1], "de", 2), 2);
    CHECK_EQ(read(ends[0], bytes, 0), 0);
    CHECK_EQ(recv(ends[0], bytes, 0, 0), 0);
    CHECK_EQ(read(ends[0], bytes, 8), 2);
    CHECK(!memcmp(bytes, "de", 2));

    struct nd_pair pair = nd_tcp_pair();
    struct nd_later later;
    int64_t start = nd_now();
    CHECK_EQ(read(pair.client, bytes, 0), 0);
    CHECK_EQ(readv(pair.client, NULL, 0), 0);
    CHECK_EQ(writev(pair.client, NULL, 0), 0);
    CHECK_EQ(write(pair.client, bytes, 0), 0);
    CHECK_EQ(send(pair.client, bytes, 0, 0), 0);
    CHECK_AT_ONCE(start, 1 * SEC);
    nd_send_later(&later, pair.peer, 400 * MS, "xyz", 3);
    CHECK_EQ(recv(pair.client, bytes, 0, 0), 0);
    CHECK(nd_now() - start >= 300 * MS);
    CHECK_EQ(recv(pair.client, bytes, 8, 0), 3);
    nd_later_join(&later);

    struct nd_pair full = nd_zero_window();
    start = nd_now();
    CHECK_EQ(write(full.client, bytes, 0), 0);
    CHECK_EQ(writev(full.client, NULL, 0), 0);
    CHECK_AT_ONCE(start, 1 * SEC);
    CHECK_NO_RECORDS();
    return 0;
}
