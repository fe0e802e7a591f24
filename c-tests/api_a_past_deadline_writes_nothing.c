// A write deadline that has passed fails every write at once, though there is room, and not a byte leaves.
// Source: FACTS "Go's deadline contract"; SEMANTICS "Sources", explicit.
//
// api: yes
#include "api.h"

int main(void) {
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) {
        struct nd_pair pair = api_pair(kind);
        for (size_t i = 0; i < API_WRITE_CALLS; i++) {
            char byte = 'w', got[8];
            CHECK_EQ(nd_set_write_deadline(pair.client, i % 2 ? nd_now() : -SEC), 0);
            for (int again = 0; again < 3; again++) CHECK_PAST(api_write_calls[i].make(pair.client, &byte));
            CHECK_EQ(api_peer_got(pair.peer, got, sizeof got), -EAGAIN);
            CHECK_EQ(nd_set_write_deadline(pair.client, 0), 0);
            if (api_write_calls[i].make(pair.client, &byte) != 1)
                FAIL("%s to %s after the deadline was cleared: %s", api_write_calls[i].name, api_kinds[kind],
                     strerror(errno));
            CHECK_EQ(nd_raw_read(pair.peer, got, sizeof got), 1);
            CHECK_EQ(got[0], 'w');
        }
        api_close(&pair);
    }
    return 0;
}
