// Every nd_ call answers EBADF to a number that is not open: closed, never opened, negative, beyond any table; nd_poll says
// POLLNVAL, and skips negative numbers.
// Source: include/netdeadline.h, "errno EBADF"; issue, 3.
//
// api: yes
#include "apin_bad.h"
#include <sys/resource.h>

int main(void) {
    struct nd_pair pair = apin_pair(API_TCP);
    // One that has been a socket with deadlines and everything.
    CHECK_EQ(nd_set_deadline(pair.client, 1), 0);
    CHECK_EQ(nd_set_timeouts(pair.client, &apin_timeouts), 0);
    CHECK_EQ(nd_close(pair.client), 0);
    const int numbers[] = {pair.client, -1,      -2,           INT32_MIN,    INT32_MAX,         1000, 65535, 65536,
                           1 << 20,     (1 << 20) - 1, (1 << 20) + 1, (1 << 21) + 7, INT32_MAX / 64 * 64, 1 << 30};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int fd = numbers[i];
        char byte = 'w';
        for (int round = 0; round < 2; round++) {
            CHECK_OWN_CALLS(fd, EBADF);
            for (size_t j = 0; j < APIN_KERNEL_CALLS; j++) CHECK_ERRNO(apin_kernel_calls[j].call.make(fd, &byte), EBADF);
            CHECK_ERRNO(nd_close(fd), EBADF);
            struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT, .revents = 77};
            CHECK_EQ(nd_poll(&entry, 1, fd < 0 ? 5 : 5000), fd >= 0);
            CHECK_EQ(entry.revents, fd < 0 ? 0 : POLLNVAL);
        }
        // The errors before it, too: which of two wins is said nowhere, but it is an error.
        CHECK_EQ(nd_set_timeouts(fd, NULL), -1);
        CHECK_EQ(nd_get_timeouts(fd, NULL), -1);
        CHECK_EQ(nd_last_expiry(fd, NULL), -1);
    }
    // Closed behind the back of a library that sees no close.
    pair = apin_pair(API_TCP);
    CHECK_EQ(nd_set_deadline(pair.client, 1), 0);
    if (!API_INTERPOSED) close(pair.client);
    if (!API_INTERPOSED) CHECK_OWN_CALLS(pair.client, EBADF);
    return 0;
}
