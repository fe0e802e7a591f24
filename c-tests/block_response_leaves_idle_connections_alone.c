// A client that has written nothing, or has got its answer, may be idle for as long as it likes: the response class is not
// for it. Nor does response=off for a destination end anything there.
// Source: SEMANTICS "Classes", response.
//
// native: yes
// env: NETDEADLINE_RESPONSE=300ms
// env: NETDEADLINE_RULES="to 127.0.0.1 response=off; to * response=300ms"
#include "nd_test.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    struct nd_later later;
    char byte;
    nd_send_later(&later, pair.peer, 900 * MS, "1", 1);
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    nd_later_join(&later);
    if (getenv("NETDEADLINE_RESPONSE")) {
        CHECK_EQ(write(pair.client, "q", 1), 1);
        CHECK_EQ(nd_raw_write(pair.peer, "2", 1), 1);
    } else {
        // off: no answer is needed at all.
        CHECK_EQ(write(pair.client, "q", 1), 1);
        nd_send_later(&later, pair.peer, 900 * MS, "2", 1);
        CHECK_EQ(read(pair.client, &byte, 1), 1);
        nd_later_join(&later);
        CHECK_NO_RECORDS();
        return 0;
    }
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    CHECK_EQ(byte, '2');
    nd_send_later(&later, pair.peer, 900 * MS, "3", 1);
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    CHECK_EQ(byte, '3');
    nd_later_join(&later);
    CHECK_NO_RECORDS();
    return 0;
}
