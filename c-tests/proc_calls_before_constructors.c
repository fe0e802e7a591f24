// Calls that come before our own constructor (from preinit_array) and from a program's constructors behave as ever; once
// main runs, a socket that was opened then has its deadlines.
// Source: issue, "safe in other libraries' constructors"; ARCHITECTURE (-z initfirst).
//
// native: yes
// env: none
// env: NETDEADLINE_READ=300ms NETDEADLINE_CONNECT=2s
#include "nd_test.h"

static struct nd_pair early, middle;
static int early_result, middle_errno;
static int64_t middle_took;

static void at_preinit(void) {
    char byte = 0;
    int ends[2];
    early = nd_tcp_pair();
    nd_raw_write(early.peer, "p", 1);
    nd_sleep(10 * MS);
    errno = 4242;
    early_result = (int)read(early.client, &byte, 1);
    if (errno != 4242 || byte != 'p') early_result = -2;
    struct pollfd entry = {.fd = early.client, .events = POLLIN};
    if (poll(&entry, 1, 5) != 0) early_result = -3;
    if (pipe(ends) || close(ends[0]) || close(ends[1])) early_result = -4;
}
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(void) = at_preinit;

__attribute__((constructor)) static void at_construction(void) {
    char byte;
    middle = nd_tcp_pair();
    struct nd_later later;
    nd_send_later(&later, middle.peer, 900 * MS, "c", 1);
    int64_t start = nd_now();
    errno = 0;
    if (read(middle.client, &byte, 1) != 1) middle_errno = errno;
    middle_took = nd_now() - start;
    nd_later_join(&later);
}

int main(void) {
    bool policy = nd_shimmed() && getenv("NETDEADLINE_READ");
    CHECK_EQ(early_result, 1);
    CHECK_EQ(middle_errno, policy ? ETIMEDOUT : 0);
    CHECK(middle_took >= (policy ? 300 * MS : 900 * MS));
    if (policy) {
        char byte;
        int64_t start = nd_now();
        CHECK_ERRNO(read(early.client, &byte, 1), ETIMEDOUT);
        CHECK_ENDED_AT(start, 300 * MS);
    }
    return 0;
}
