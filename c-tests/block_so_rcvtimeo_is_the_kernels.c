// On a blocking socket the program's own SO_RCVTIMEO gives EAGAIN at its time, with and without a longer policy; the option
// reads back as set, the other direction stays as it was, and 0 means for ever.
// Source: socket(7); SEMANTICS "Sources of a deadline" 2, "Errno"; TRAPS (SO_RCVTIMEO = 0, one direction).
//
// native: yes
// env: none
// env: NETDEADLINE_READ=4s NETDEADLINE_WRITE=4s
// env: NETDEADLINE_SO_TIMEO=kernel NETDEADLINE_READ=4s
#include "nd_calls.h"

int main(void) {
    struct nd_pair pairs[ND_READ_CALLS];
    struct nd_made made[ND_READ_CALLS];
    for (size_t i = 0; i < ND_READ_CALLS; i++) {
        pairs[i] = nd_tcp_pair();
        nd_set_timeout(pairs[i].client, SO_RCVTIMEO, 300 * MS);
        nd_make(&made[i], &nd_read_calls[i], pairs[i].client);
    }
    for (size_t i = 0; i < ND_READ_CALLS; i++) {
        nd_made_wait(&made[i]);
        if (made[i].result != -1 || made[i].error != EAGAIN)
            FAIL("%s: %ld with errno %d", made[i].call->name, made[i].result, made[i].error);
        if (made[i].took < 295 * MS || made[i].took > 3 * SEC)
            FAIL("%s took %.1f ms", made[i].call->name, (double)made[i].took / 1e6);
        CHECK_EQ(nd_kernel_timeout_ms(pairs[i].client, SO_RCVTIMEO), 300);
        CHECK_EQ(nd_kernel_timeout_ms(pairs[i].client, SO_SNDTIMEO), 0);
    }
    struct timeval value;
    socklen_t size = sizeof value;
    MUST(getsockopt(pairs[0].client, SOL_SOCKET, SO_RCVTIMEO, &value, &size));
    CHECK_EQ(value.tv_usec / 1000, 300);
    CHECK_EQ(size, sizeof value);
    nd_set_timeout(pairs[0].client, SO_RCVTIMEO, 0);
    struct nd_later later;
    char byte;
    nd_send_later(&later, pairs[0].peer, 900 * MS, "x", 1);
    CHECK_EQ(read(pairs[0].client, &byte, 1), 1);
    nd_later_join(&later);
    return 0;
}
