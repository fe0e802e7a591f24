// read of nothing is 0 though the deadline has passed, and takes nothing, also no datagram; so is recv of nothing on a
// stream (on a datagram socket it would take one, and fails); write of nothing fails.
// Source: FACTS "Go's deadline contract", last lines.
//
// api: yes
#include "api.h"

int main(void) {
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) {
        struct nd_pair pair = api_pair(kind);
        char bytes[4];
        CHECK_EQ(nd_set_deadline(pair.client, 1), 0);
        for (int with_data = 0; with_data < 2; with_data++) {
            if (with_data) CHECK_EQ(nd_raw_write(pair.peer, "d", 1), 1);
            errno = ND_ERRNO_BEFORE;
            CHECK_EQ(io_read(pair.client, bytes, 0), 0);
            CHECK_EQ(nd_read(pair.client, bytes, 0), 0);
            if (api_is_stream(kind)) CHECK_EQ(io_recv(pair.client, bytes, 0, 0), 0);
            CHECK_EQ(errno, ND_ERRNO_BEFORE);
            if (!api_is_stream(kind)) CHECK_PAST(io_recv(pair.client, bytes, 0, 0));
            CHECK_PAST(io_write(pair.client, bytes, 0));
            CHECK_PAST(nd_write(pair.client, bytes, 0));
            CHECK_PAST(io_send(pair.client, bytes, 0, 0));
        }
        CHECK_EQ(api_peer_got(pair.peer, bytes, sizeof bytes), -EAGAIN);
        CHECK_EQ(nd_set_deadline(pair.client, 0), 0);
        CHECK_EQ(io_read(pair.client, bytes, 4), 1);
        CHECK_EQ(bytes[0], 'd');
        api_close(&pair);
    }
    return 0;
}
