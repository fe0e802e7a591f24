// write=auto follows the round trip, which is tiny on loopback: the floor decides. 3 s unless the rule says otherwise.
// Source: SEMANTICS "Classes", write=auto.
//
// env: NETDEADLINE_WRITE=auto
// env: NETDEADLINE_WRITE=auto:2:400ms:1s
// env: NETDEADLINE_WRITE=auto:rto:0.1:400ms:1s
#include "nd_calls.h"

int main(void) {
    int64_t floor = strcmp(getenv("NETDEADLINE_WRITE"), "auto") ? 400 * MS : 3 * SEC;
    struct nd_pair pair = nd_zero_window();
    struct nd_made made;
    nd_make(&made, &nd_write_calls[0], pair.client);
    nd_made_wait(&made);
    CHECK_TIMED_OUT(&made, floor);
    CHECK_RECORD("write", "source", "NETDEADLINE_WRITE");
    return 0;
}
