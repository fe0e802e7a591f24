// A read deadline that has passed fails every read at once, though data is there or the peer has ended, and consumes
// nothing: cleared, the same bytes come, and then the end.
// Source: FACTS "Go's deadline contract"; SEMANTICS "Sources", explicit.
//
// api: yes
#include "api.h"

static const int64_t long_ago[] = {1, -1, INT64_MIN, INT64_MIN + 1};

int main(void) {
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) {
        struct nd_pair pair = api_pair(kind);
        char bytes[8];
        for (size_t i = 0; i < API_READ_CALLS; i++) {
            char byte = 'u';
            CHECK_EQ(nd_raw_write(pair.peer, "d", 1), 1);
            CHECK_EQ(nd_set_read_deadline(pair.client, i % 5 < 4 ? long_ago[i % 5] : nd_now()), 0);
            for (int again = 0; again < 3; again++) CHECK_PAST(api_read_calls[i].make(pair.client, &byte));
            CHECK_EQ(byte, 'u');
            CHECK_EQ(nd_set_read_deadline(pair.client, 0), 0);
            if (api_read_calls[i].make(pair.client, &byte) != 1 || byte != 'd')
                FAIL("%s of %s after the deadline was cleared: %c, %s", api_read_calls[i].name, api_kinds[kind], byte,
                     strerror(errno));
        }
        // Two messages stay two, in their order.
        CHECK_EQ(nd_raw_write(pair.peer, "ab", 2), 2);
        CHECK_EQ(nd_raw_write(pair.peer, "cd", 2), 2);
        CHECK_EQ(nd_set_deadline(pair.client, 1), 0);
        CHECK_PAST(io_read(pair.client, bytes, sizeof bytes));
        CHECK_PAST(io_recv(pair.client, bytes, sizeof bytes, MSG_PEEK));
        CHECK_EQ(nd_set_deadline(pair.client, 0), 0);
        CHECK_EQ(io_read(pair.client, bytes, 2), 2);
        CHECK(!memcmp(bytes, "ab", 2));
        CHECK_EQ(io_read(pair.client, bytes, 2), 2);
        CHECK(!memcmp(bytes, "cd", 2));
        if (api_is_stream(kind)) {
            nd_raw(SYS_shutdown, pair.peer, SHUT_WR, 0, 0, 0, 0);
            CHECK_EQ(nd_set_read_deadline(pair.client, nd_now()), 0);
            CHECK_PAST(io_read(pair.client, bytes, sizeof bytes));
            CHECK_PAST(io_recv(pair.client, bytes, sizeof bytes, 0));
            CHECK_EQ(nd_set_read_deadline(pair.client, 0), 0);
            CHECK_EQ(io_read(pair.client, bytes, sizeof bytes), 0);
        }
        api_close(&pair);
    }
    return 0;
}
