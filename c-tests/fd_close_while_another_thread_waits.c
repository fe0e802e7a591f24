// A thread waits in read; another closes the socket and the number goes to a new connection, whose peer speaks at once. The
// waiting read answers EBADF and never eats a byte of the new connection: neither when its deadline comes, nor when the old
// peer speaks.
// Source: SEMANTICS "Blocking calls" (generation); STYLE ("Close wins").
//
// env: NETDEADLINE_READ=700ms
// env: NETDEADLINE_RESPONSE=1h NETDEADLINE_READ=700ms
#include "nd_calls.h"

static void once(const struct nd_call *call, bool old_peer_speaks, bool by_dup2) {
    struct nd_pair old = nd_tcp_pair(), fresh = nd_tcp_pair();
    struct nd_made made;
    char bytes[16];
    nd_make(&made, call, old.client);
    nd_sleep(150 * MS);
    if (!by_dup2) MUST(close(old.client));
    CHECK_EQ(dup2(fresh.client, old.client), old.client);
    CHECK_EQ(nd_raw_write(fresh.peer, "stranger", 8), 8);
    if (old_peer_speaks) CHECK_EQ(nd_raw_write(old.peer, "old", 3), 3);
    nd_made_wait(&made);
    if (made.result != -1 || made.error != EBADF)
        FAIL("%s is %ld with errno %d (%s), not EBADF (speaks %d, dup2 %d)", call->name, made.result, made.error,
             strerror(made.error), old_peer_speaks, by_dup2);
    CHECK_EQ(recv(old.client, bytes, sizeof bytes, MSG_DONTWAIT), 8);
    CHECK(!memcmp(bytes, "stranger", 8));
    close(old.client);
    close(fresh.client);
    nd_raw_close(old.peer);
    nd_raw_close(fresh.peer);
}

int main(void) {
    for (size_t i = 0; i < 2; i++) {
        once(&nd_read_calls[i * 2], false, false);
        once(&nd_read_calls[i * 2], true, false);
        once(&nd_read_calls[i * 2], false, true);
        once(&nd_read_calls[i * 2], true, true);
    }
    return 0;
}
