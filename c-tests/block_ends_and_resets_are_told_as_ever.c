// EOF is 0, a reset is ECONNRESET, a write to a peer that is gone is EPIPE with SIGPIPE (unless MSG_NOSIGNAL), a shutdown
// by another thread wakes a waiting read with 0: all of it under a deadline as without.
// Source: read(2), send(2), shutdown(2); SEMANTICS "Classes", read ends at data, EOF, error.
//
// native: yes
// env: none
// env: NETDEADLINE_READ=5s NETDEADLINE_WRITE=5s NETDEADLINE_RESPONSE=5s
#include "nd_calls.h"

static volatile sig_atomic_t pipes;
static void on_pipe(int number) {
    (void)number;
    pipes = pipes + 1;
}
static struct nd_pair pair;
static void *shuts_own_side(void *unused) {
    nd_sleep(300 * MS);
    MUST(shutdown(pair.client, SHUT_RD));
    return unused;
}
static void *ends_peer(void *how) {
    nd_sleep(300 * MS);
    if (how) {
        struct linger reset = {1, 0};
        nd_raw(SYS_setsockopt, pair.peer, SOL_SOCKET, SO_LINGER, (long)&reset, sizeof reset, 0);
    }
    nd_raw_close(pair.peer);
    return NULL;
}

int main(void) {
    struct sigaction action = {.sa_handler = on_pipe};
    sigaction(SIGPIPE, &action, NULL);
    char byte;
    pair = nd_tcp_pair();
    struct nd_thread thread = nd_start(ends_peer, NULL);
    CHECK_EQ(read(pair.client, &byte, 1), 0);
    nd_join(thread, 5 * SEC);

    pair = nd_tcp_pair();
    thread = nd_start(ends_peer, &pair);
    CHECK_ERRNO(read(pair.client, &byte, 1), ECONNRESET);
    nd_join(thread, 5 * SEC);
    CHECK_EQ(read(pair.client, &byte, 1), 0);
    CHECK_ERRNO(write(pair.client, "x", 1), EPIPE);
    CHECK_EQ(pipes, 1);
    CHECK_ERRNO(send(pair.client, "x", 1, 0), EPIPE);
    CHECK_EQ(pipes, 2);
    CHECK_ERRNO(send(pair.client, "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(pipes, 2);
    struct iovec part = {&byte, 1};
    CHECK_ERRNO(writev(pair.client, &part, 1), EPIPE);
    CHECK_EQ(pipes, 3);

    pair = nd_tcp_pair();
    thread = nd_start(shuts_own_side, NULL);
    CHECK_EQ(read(pair.client, &byte, 1), 0);
    nd_join(thread, 5 * SEC);

    // A reset while a writer waits.
    pair = nd_zero_window();
    thread = nd_start(ends_peer, &pair);
    CHECK_ERRNO(send(pair.client, "x", 1, MSG_NOSIGNAL), ECONNRESET);
    nd_join(thread, 5 * SEC);
    CHECK_NO_RECORDS();
    return 0;
}
