// MSG_WAITALL waits for all of it, SO_RCVLOWAT for that much, MSG_PEEK takes nothing.
// Source: recv(2), socket(7); SEMANTICS "Blocking calls".
//
// native: yes
// env: none
// env: NETDEADLINE_READ=3s NETDEADLINE_RESPONSE=3s
#include "nd_test.h"

int main(void) {
    char bytes[32];
    struct nd_pair pair = nd_tcp_pair();
    struct nd_later drip;
    nd_drip(&drip, pair.peer, 100 * MS, 6);
    CHECK_EQ(recv(pair.client, bytes, 6, MSG_WAITALL), 6);
    nd_later_join(&drip);

    // The peer's end brings what there is.
    CHECK_EQ(nd_raw_write(pair.peer, "abc", 3), 3);
    struct nd_later later;
    nd_send_later(&later, pair.peer, 200 * MS, "de", 2);
    CHECK_EQ(recv(pair.client, bytes, 5, MSG_WAITALL | MSG_PEEK), 5);
    CHECK_EQ(recv(pair.client, bytes, 5, MSG_PEEK), 5);
    CHECK_EQ(recv(pair.client, bytes, 5, 0), 5);
    CHECK(!memcmp(bytes, "abcde", 5));
    nd_later_join(&later);

    int lowat = 10;
    MUST(setsockopt(pair.client, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof lowat));
    CHECK_EQ(nd_raw_write(pair.peer, "0123", 4), 4);
    // Ten more, not six: the kernel wakes a reader that already holds four only for ten new ones.
    nd_send_later(&later, pair.peer, 300 * MS, "456789abcd", 10);
    CHECK_EQ(read(pair.client, bytes, 32), 14);
    nd_later_join(&later);

    CHECK_EQ(nd_raw_write(pair.peer, "end", 3), 3);
    nd_raw(SYS_shutdown, pair.peer, SHUT_WR, 0, 0, 0, 0);
    CHECK_EQ(recv(pair.client, bytes, 16, MSG_WAITALL), 3);
    CHECK_EQ(recv(pair.client, bytes, 16, MSG_WAITALL), 0);
    CHECK_EQ(read(pair.client, bytes, 16), 0);
    CHECK_NO_RECORDS();
    return 0;
}
