// At no time is a page writable and executable at once, and the program lives under MemoryDenyWriteExecute.
// Source: SECURITY 7.
//
// env: NETDEADLINE_READ=200ms
// env: none
#include "fd_nd.h"
#include <sys/prctl.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

int main(void) {
    char line[512];
    int ours = 0;
    struct nd_pair pair = nd_tcp_pair();
    prctl(PR_SET_MDWE, 1, 0, 0, 0);
    if (getenv("NETDEADLINE_READ")) CHECK_READ_TIMES_OUT(pair.client, 200 * MS);
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps)) {
        ours += strstr(line, getenv("ND_TEST_LIB")) != NULL;
        if (strstr(line, "rwx") || strstr(line, "-wx")) FAIL("%s", line);
    }
    fclose(maps);
    CHECK(ours > 0);
    return 0;
}
