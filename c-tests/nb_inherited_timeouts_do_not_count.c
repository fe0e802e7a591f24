// SO_RCVTIMEO set on a listener (servers do it to look at a stop flag) bounds neither the listener's own waits nor the idle
// clients that it accepted, although the kernel copies the value to them. A value set on the accepted socket counts.
// Source: SEMANTICS "Sources" 2; issue 2 "Transparency".
//
// native: yes
// env: none
#include "nb_wait.h"

int main(void) {
    struct sockaddr_in at;
    int listener = nd_listener(8, &at);
    nd_nonblocking(listener);
    nd_set_timeout(listener, SO_RCVTIMEO, 150 * MS);
    NB_EACH_WAY(way) {
        struct nb_waiter waiter = nb_waiter(way, listener, POLLIN);
        CHECK_QUIET(&waiter, 220);
        nb_done(&waiter);
    }
    CHECK_ERRNO(accept(listener, NULL, NULL), EAGAIN);
    int client = nd_connect(&at);
    struct nb_waiter waiter = nb_waiter(NB_POLL, listener, POLLIN);
    CHECK_EQ(nb_wait(&waiter, 3000), POLLIN);
    int accepted = MUST(accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
    CHECK(nd_kernel_timeout_ms(accepted, SO_RCVTIMEO) >= 150);
    NB_EACH_WAY(way) {
        waiter = nb_waiter(way, accepted, POLLIN);
        CHECK_QUIET(&waiter, 220);
        nb_done(&waiter);
    }
    CHECK_NO_RECORDS();
    if (!nd_shimmed()) return 0;
    char byte;
    nd_set_timeout(accepted, SO_RCVTIMEO, 150 * MS);
    int64_t start = nd_now();
    waiter = nb_waiter(NB_POLL, accepted, POLLIN);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
    CHECK_ENDED_AT(start, 150 * MS);
    CHECK_ERRNO(read(accepted, &byte, 1), ETIMEDOUT);
    close(client);
    return 0;
}
