// The test of the test: undefined arithmetic on what the library says, here a shift by more than an int has bits, is found.
//
// api: sanitized
// fails: runtime error: shift exponent
#include "api.h"

int main(void) {
    struct nd_pair pair = api_pair(API_TCP);
    CHECK_EQ(nd_set_read_deadline(pair.client, 1), 0);
    char byte;
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    struct nd_expiry why;
    CHECK_EQ(nd_last_expiry(pair.client, &why), 0);
    volatile int shifted = 1 << (why.which + 32);
    printf("%d, and nobody complained\n", shifted);
    return 0;
}
