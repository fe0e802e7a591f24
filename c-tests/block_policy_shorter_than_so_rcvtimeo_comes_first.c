// The deadline that ends first holds: a policy shorter than the program's SO_RCVTIMEO gives ETIMEDOUT at its time, and
// the option is not touched.
// Source: SEMANTICS "Sources of a deadline".
//
// env: NETDEADLINE_READ=300ms NETDEADLINE_WRITE=300ms
#include "nd_calls.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair(), full = nd_zero_window();
    struct nd_made made;
    nd_set_timeout(pair.client, SO_RCVTIMEO, 6 * SEC);
    nd_make(&made, &nd_read_calls[0], pair.client);
    nd_made_wait(&made);
    CHECK_TIMED_OUT(&made, 300 * MS);
    CHECK_EQ(nd_kernel_timeout_ms(pair.client, SO_RCVTIMEO), 6000);
    nd_set_timeout(full.client, SO_SNDTIMEO, 6 * SEC);
    nd_make(&made, &nd_write_calls[0], full.client);
    nd_made_wait(&made);
    CHECK_TIMED_OUT(&made, 300 * MS);
    CHECK_EQ(nd_kernel_timeout_ms(full.client, SO_SNDTIMEO), 6000);
    return 0;
}
