// Several threads wait on one socket: each of them times out; and a write by one thread gives the others' reads the whole
// timeout again, and starts the response clock for a read that was waiting before it.
// Source: SEMANTICS "Classes", read ("on every successful write"), response.
//
// env: NETDEADLINE_READ=1200ms
// env: NETDEADLINE_RESPONSE=1200ms
#include "nd_calls.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    struct nd_made made[3];
    bool response = getenv("NETDEADLINE_RESPONSE") != NULL;
    if (!response) {
        for (int i = 0; i < 3; i++) nd_make(&made[i], &nd_read_calls[i], pair.client);
        for (int i = 0; i < 3; i++) {
            nd_made_wait(&made[i]);
            CHECK_TIMED_OUT(&made[i], 1200 * MS);
        }
    }
    nd_make(&made[0], &nd_read_calls[0], pair.client);
    nd_sleep(800 * MS);
    int64_t written = nd_now();
    CHECK_EQ(write(pair.client, "q", 1), 1);
    nd_made_wait(&made[0]);
    CHECK_TIMED_OUT(&made[0], 1200 * MS);
    CHECK_ENDED_AT(written, 1200 * MS);
    CHECK_RECORDS("response", response ? 1 : 0);
    return 0;
}
