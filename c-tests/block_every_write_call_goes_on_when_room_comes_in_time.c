// Room that comes at 0.8 of the deadline lets every writing call succeed, and errno stays as it was.
// Source: SEMANTICS "Classes", write.
//
// native: yes
// env: none
// env: NETDEADLINE_READ=2s NETDEADLINE_WRITE=2s NETDEADLINE_RESPONSE=2s
#include "nd_calls.h"

int main(void) {
    struct nd_pair pairs[ND_WRITE_CALLS];
    struct nd_made made[ND_WRITE_CALLS];
    nd_zero_windows(pairs, ND_WRITE_CALLS);
    for (size_t i = 0; i < ND_WRITE_CALLS; i++) nd_make(&made[i], &nd_write_calls[i], pairs[i].client);
    nd_sleep(1600 * MS);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < ND_WRITE_CALLS; i++) nd_drain(pairs[i].peer);
        nd_sleep(10 * MS);
    }
    for (size_t i = 0; i < ND_WRITE_CALLS; i++) {
        nd_made_wait(&made[i]);
        CHECK_MOVED(&made[i]);
    }
    CHECK_NO_RECORDS();
    return 0;
}
