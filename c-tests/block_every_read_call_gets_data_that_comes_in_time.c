// Data that comes at 0.8 of the deadline is delivered by every reading call, and errno stays as it was.
// Source: SEMANTICS "Classes", read; issue "servers that answer at 0.8 of the deadline are never disturbed".
//
// native: yes
// env: none
// env: NETDEADLINE_READ=2s NETDEADLINE_WRITE=2s NETDEADLINE_RESPONSE=2s NETDEADLINE_LIFETIME=1h NETDEADLINE_CONNECT=2s
#include "nd_calls.h"

int main(void) {
    struct nd_pair pairs[ND_READ_CALLS];
    struct nd_made made[ND_READ_CALLS];
    for (size_t i = 0; i < ND_READ_CALLS; i++) pairs[i] = nd_tcp_pair();
    for (size_t i = 0; i < ND_READ_CALLS; i++) nd_make(&made[i], &nd_read_calls[i], pairs[i].client);
    nd_sleep(1600 * MS);
    for (size_t i = 0; i < ND_READ_CALLS; i++) CHECK_EQ(nd_raw_write(pairs[i].peer, "x", 1), 1);
    for (size_t i = 0; i < ND_READ_CALLS; i++) {
        nd_made_wait(&made[i]);
        CHECK_MOVED(&made[i]);
        CHECK_EQ(made[i].byte, 'x');
    }
    CHECK_NO_RECORDS();
    return 0;
}
