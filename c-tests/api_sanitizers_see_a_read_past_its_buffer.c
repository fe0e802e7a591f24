// The test of the test: what our read writes past the end of the program's memory, the build with the sanitizers finds.
//
// api: sanitized
// fails: AddressSanitizer: heap-buffer-overflow
#include "api.h"

int main(void) {
    struct nd_pair pair = api_pair(API_TCP);
    CHECK_EQ(nd_set_read_deadline(pair.client, nd_now() + 5 * SEC), 0);
    CHECK_EQ(nd_raw_write(pair.peer, "12345678", 8), 8);
    // From a volatile, so that the compiler does not find it first.
    volatile size_t room = 4, told = 8;
    char *bytes = malloc(room);
    ssize_t count = io_read(pair.client, bytes, told);
    printf("%zd bytes, and nobody complained\n", count);
    return 0;
}
