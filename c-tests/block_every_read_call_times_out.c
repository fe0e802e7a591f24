// Each call that reads a socket ends with ETIMEDOUT at the read deadline, and its record names it.
// Source: SEMANTICS "Errno", "Classes".
//
// env: NETDEADLINE_READ=300ms
#include "nd_calls.h"

int main(void) {
    struct nd_pair pairs[ND_READ_CALLS];
    struct nd_made made[ND_READ_CALLS];
    for (size_t i = 0; i < ND_READ_CALLS; i++) pairs[i] = nd_tcp_pair();
    for (size_t i = 0; i < ND_READ_CALLS; i++) nd_make(&made[i], &nd_read_calls[i], pairs[i].client);
    for (size_t i = 0; i < ND_READ_CALLS; i++) nd_made_wait(&made[i]);
    for (size_t i = 0; i < ND_READ_CALLS; i++) {
        CHECK_TIMED_OUT(&made[i], 300 * MS);
        if (nd_records_with("operation", made[i].call->name) != 1) FAIL("no record of %s", made[i].call->name);
    }
    CHECK_RECORDS("read", (int)ND_READ_CALLS);
    return 0;
}
