// Descriptors far up are managed like any other, and an untouched number costs no memory; a process that may open nothing
// more still gets its deadlines.
// Source: issue, "The tables"; SEMANTICS "Non-blocking sockets", 2 (clamp alone).
//
// env: NETDEADLINE_READ=300ms
#include "fd_nd.h"
#include <sys/resource.h>

static long resident_kib(void) {
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1) break;
    if (status) fclose(status);
    return kib;
}

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    struct rlimit limit = {1 << 20, 1 << 20};
    rlim_t highest = (1 << 20) - 1;
    if (setrlimit(RLIMIT_NOFILE, &limit)) {
        MUST(getrlimit(RLIMIT_NOFILE, &limit));
        limit.rlim_cur = limit.rlim_max;
        MUST(setrlimit(RLIMIT_NOFILE, &limit));
        highest = limit.rlim_cur - 1;
    }
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);
    long before = resident_kib();
    for (rlim_t number = highest; number > 20; number /= 3) {
        CHECK_EQ(dup2(pair.client, (int)number), (int)number);
        struct pollfd entry = {.fd = (int)number, .events = POLLIN};
        CHECK_EQ(poll(&entry, 1, 1), 0);
    }
    // Longer than the gap that starts the clock anew: the polls above were waits, too.
    nd_sleep(200 * MS);
    CHECK_READ_TIMES_OUT((int)highest, 300 * MS);
    long grown = resident_kib() - before;
    if (grown > 2048) FAIL("%ld KiB more in memory for a dozen descriptors", grown);

    limit.rlim_cur = 3;
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    CHECK_ERRNO(dup(pair.client), EMFILE);
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);
    return 0;
}
