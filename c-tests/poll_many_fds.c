// A poll over 600 sockets ends at the deadline with all of them, and none before its own.
// Source: issue 2: a million fds work; no fixed-size copy of the program's array.
//
// env: NETDEADLINE_READ=1s
#include "nb_wait.h"
#include <sys/resource.h>

enum { COUNT = 600 };

int main(void) {
    static struct nd_pair pairs[COUNT];
    static struct pollfd entries[COUNT];
    static bool told[COUNT];
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_NOFILE, &limit));
    if (limit.rlim_max < 2 * COUNT + 50) SKIP("no room for %d fds", 2 * COUNT);
    limit.rlim_cur = limit.rlim_max;
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    for (int i = 0; i < COUNT; i++) {
        pairs[i] = nb_pair();
        entries[i] = (struct pollfd){.fd = pairs[i].client, .events = POLLIN};
    }
    int64_t start = nd_now();
    for (int left = COUNT; left > 0;) {
        int count = poll(entries, COUNT, 5000), seen = 0;
        CHECK(count > 0);
        CHECK_ENDED_AT(start, 1 * SEC);
        for (int i = 0; i < COUNT; i++) {
            char byte;
            if (!entries[i].revents) continue;
            CHECK_EQ(entries[i].revents, POLLIN);
            seen++;
            CHECK(!told[i]);
            told[i] = true;
            CHECK_ERRNO(read(entries[i].fd, &byte, 1), ETIMEDOUT);
            entries[i].fd = -1;
            left--;
        }
        CHECK_EQ(seen, count);
    }
    return 0;
}
