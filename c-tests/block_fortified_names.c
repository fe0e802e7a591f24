// Programs built with _FORTIFY_SOURCE call other names: they are bounded too, and still abort on an overflow.
// Source: issue (fortified names); TRAPS (`__recv_chk`).
//
// native: yes
// env: none
// env: NETDEADLINE_READ=300ms
// cflags: -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
#include "nd_test.h"

// glibc's headers declare the names themselves where _FORTIFY_SOURCE is set.

#define CHECK_BOUNDED(call)                                                                                            \
    do {                                                                                                               \
        int64_t nd_start_ns = nd_now();                                                                                \
        CHECK_ERRNO(call, ETIMEDOUT);                                                                                  \
        CHECK_ENDED_AT(nd_start_ns, 300 * MS);                                                                         \
    } while (0)
#define CHECK_ABORTS(call)                                                                                             \
    do {                                                                                                               \
        pid_t nd_child = fork();                                                                                       \
        if (!nd_child) {                                                                                               \
            nd_raw_close(2);                                                                                           \
            (void)!(call);                                                                                             \
            _exit(0);                                                                                                  \
        }                                                                                                              \
        int nd_status = nd_reap(nd_child, 5 * SEC);                                                                    \
        if (!WIFSIGNALED(nd_status) || WTERMSIG(nd_status) != SIGABRT) FAIL("%s: 0x%x", #call, (unsigned)nd_status);    \
    } while (0)

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    struct pollfd entries[2] = {{.fd = pair.client, .events = POLLIN}, {.fd = -1}};
    const size_t room = sizeof *entries;
    struct timespec brief = {.tv_nsec = 5 * MS};
    char bytes[8];
    if (nd_shimmed() && getenv("NETDEADLINE_READ")) {
        CHECK_BOUNDED(__read_chk(pair.client, bytes, 4, 4));
        CHECK_BOUNDED(__recv_chk(pair.client, bytes, 4, 4, 0));
        CHECK_BOUNDED(__recvfrom_chk(pair.client, bytes, 4, 4, 0, NULL, NULL));
        int64_t start = nd_now();
        CHECK_EQ(__poll_chk(entries, 1, -1, room), 1);
        CHECK_ENDED_AT(start, 300 * MS);
        CHECK_ERRNO(read(pair.client, bytes, 1), ETIMEDOUT);
        start = nd_now();
        CHECK_EQ(__ppoll_chk(entries, 1, NULL, NULL, room), 1);
        CHECK_ENDED_AT(start, 300 * MS);
        CHECK_ERRNO(read(pair.client, bytes, 1), ETIMEDOUT);
    }
    CHECK_EQ(__poll_chk(entries, 1, 5, room), 0);
    CHECK_EQ(__ppoll_chk(entries, 1, &brief, NULL, room), 0);
    CHECK_EQ(nd_raw_write(pair.peer, "abcd", 4), 4);
    CHECK_EQ(__read_chk(pair.client, bytes, 2, 4), 2);
    CHECK_EQ(__recv_chk(pair.client, bytes, 1, 4, 0), 1);
    CHECK_EQ(__recvfrom_chk(pair.client, bytes, 1, 4, 0, NULL, NULL), 1);
    CHECK_ABORTS(__read_chk(pair.client, bytes, 5, 4));
    CHECK_ABORTS(__recv_chk(pair.client, bytes, 5, 4, 0));
    CHECK_ABORTS(__recvfrom_chk(pair.client, bytes, 5, 4, 0, NULL, NULL));
    CHECK_ABORTS(__poll_chk(entries, 2, 0, room));
    CHECK_ABORTS(__ppoll_chk(entries, 2, &brief, NULL, room));
    return 0;
}
