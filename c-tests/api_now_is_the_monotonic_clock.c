// nd_now is CLOCK_MONOTONIC in nanoseconds, and the library is of the version that the header says.
// Source: include/netdeadline.h, nd_now, nd_version.
//
// api: yes
#include "api.h"

int main(void) {
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", ND_VERSION_MAJOR, ND_VERSION_MINOR, ND_VERSION_PATCH);
    if (strcmp(nd_version(), version)) FAIL("the library is %s, the header %s", nd_version(), version);
    for (int i = 0; i < 10000; i++) {
        int64_t before = nd_test_now(), now = nd_now(), after = nd_test_now();
        if (now < before || now > after)
            FAIL("%lld is not between %lld and %lld", (long long)now, (long long)before, (long long)after);
    }
    return 0;
}
