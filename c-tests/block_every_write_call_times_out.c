// Each call that writes to a socket ends with ETIMEDOUT when the peer's window stays shut until the write deadline.
// Source: SEMANTICS "Errno", "Classes", write.
//
// env: NETDEADLINE_WRITE=300ms
#include "nd_calls.h"

int main(void) {
    struct nd_pair pairs[ND_WRITE_CALLS];
    struct nd_made made[ND_WRITE_CALLS];
    nd_zero_windows(pairs, ND_WRITE_CALLS);
    for (size_t i = 0; i < ND_WRITE_CALLS; i++) nd_make(&made[i], &nd_write_calls[i], pairs[i].client);
    for (size_t i = 0; i < ND_WRITE_CALLS; i++) nd_made_wait(&made[i]);
    for (size_t i = 0; i < ND_WRITE_CALLS; i++) {
        CHECK_TIMED_OUT(&made[i], 300 * MS);
        if (nd_records_with("operation", made[i].call->name) != 1) FAIL("no record of %s", made[i].call->name);
    }
    CHECK_RECORDS("write", (int)ND_WRITE_CALLS);
    return 0;
}
