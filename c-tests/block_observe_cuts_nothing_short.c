// In observe mode nothing ends early: reads, writes and connects go on as without us, and what would have expired is
// recorded as observed.
// Source: SEMANTICS "Policy text", NETDEADLINE_MODE.
//
// env: NETDEADLINE_MODE=observe NETDEADLINE_READ=300ms NETDEADLINE_CONNECT=200ms NETDEADLINE_WRITE=300ms
#include "nd_calls.h"

static struct nd_hole hole;
static void *open_later(void *unused) {
    nd_sleep(500 * MS);
    nd_open_hole(&hole);
    return unused;
}

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    struct nd_later later;
    char byte;
    nd_send_later(&later, pair.peer, 900 * MS, "x", 1);
    errno = 4242;
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    CHECK_EQ(errno, 4242);
    nd_later_join(&later);
    CHECK_RECORDS("read", 1);
    CHECK_RECORD("read", "observed", "true");

    hole = nd_black_hole();
    int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
    struct nd_thread opener = nd_start(open_later, NULL);
    CHECK_EQ(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), 0);
    nd_join(opener, 5 * SEC);
    CHECK_RECORDS("connect", 1);
    CHECK_RECORD("connect", "observed", "true");

    struct nd_pair full = nd_zero_window();
    struct nd_made made;
    nd_make(&made, &nd_write_calls[0], full.client);
    nd_sleep(1200 * MS);
    for (int i = 0; i < 50; i++) {
        nd_drain(full.peer);
        nd_sleep(5 * MS);
    }
    nd_made_wait(&made);
    CHECK_MOVED(&made);
    CHECK_RECORDS("write", 1);
    CHECK_RECORD("write", "observed", "true");
    return 0;
}
