// While bytes of the request are still unsent the response clock does not rule: the server cannot answer what it has not got.
// Source: SEMANTICS "Classes", response (SIOCOUTQ above 0).
//
// native: yes
// env: NETDEADLINE_RESPONSE=500ms
#include "nd_test.h"

static struct nd_pair pair;
static long total;

static void *slow_server(void *unused) {
    (void)unused;
    int64_t end = nd_now() + 10 * SEC;
    long got = 0;
    nd_sleep(1700 * MS);
    while (got < total && nd_now() < end) {
        got += nd_drain(pair.peer);
        nd_sleep(1 * MS);
    }
    nd_raw_write(pair.peer, "k", 1);
    return NULL;
}

int main(void) {
    static char block[4096];
    char byte = 0;
    pair = nd_tcp_pair();
    nd_small_buffers(&pair);
    for (int quiet = 0; quiet < 5;) {
        ssize_t sent = send(pair.client, block, sizeof block, MSG_DONTWAIT);
        if (sent > 0) total += sent;
        if (sent < 0) {
            CHECK_EQ(errno, EAGAIN);
            quiet++;
            nd_sleep(10 * MS);
        }
    }
    struct nd_thread server = nd_start(slow_server, NULL);
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    CHECK_EQ(byte, 'k');
    nd_join(server, 15 * SEC);
    CHECK_NO_RECORDS();
    return 0;
}
