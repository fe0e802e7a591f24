// A deadline that ended one operation ends all that follow, until it is set anew: what came in the meantime waits for
// that.
// Source: FACTS "Go's deadline contract" (sticky until changed, data intact after revival).
//
// api: yes
#include "api.h"

int main(void) {
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) {
        struct nd_pair pair = api_pair(kind);
        char byte = 0;
        for (int round = 0; round < 3; round++) {
            int64_t when = nd_now() + 40 * MS;
            CHECK_EQ(nd_set_deadline(pair.client, when), 0);
            CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
            CHECK_JUST_AFTER(when);
            CHECK_PAST(io_recv(pair.client, &byte, 1, 0));
            CHECK_PAST(io_write(pair.client, "w", 1));
            CHECK_EQ(nd_raw_write(pair.peer, "d", 1), 1);
            CHECK_PAST(io_read(pair.client, &byte, 1));
            CHECK_PAST(io_send(pair.client, "w", 1, 0));
            // Revived, by being put off or taken away.
            CHECK_EQ(nd_set_deadline(pair.client, round == 1 ? 0 : nd_now() + 30 * SEC), 0);
            CHECK_EQ(io_read(pair.client, &byte, 1), 1);
            CHECK_EQ(byte, 'd');
            CHECK_EQ(io_write(pair.client, "w", 1), 1);
            CHECK_EQ(nd_raw_read(pair.peer, &byte, 1), 1);
        }
        api_close(&pair);
    }
    return 0;
}
