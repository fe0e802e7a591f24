// A listening socket is never given a deadline by a policy: waiting for clients may take for ever.
// Source: SEMANTICS "Classes".
//
// native: yes
// env: NETDEADLINE_READ=120ms NETDEADLINE_RESPONSE=120ms NETDEADLINE_LIFETIME=120ms NETDEADLINE_CONNECT=120ms
// env: NETDEADLINE_RULES="on * read=120ms lifetime=120ms; to * read=120ms lifetime=120ms"
#include "nb_wait.h"

int main(void) {
    struct sockaddr_in at;
    int listener = nd_listener(8, &at);
    nd_nonblocking(listener);
    CHECK_ERRNO(accept(listener, NULL, NULL), EAGAIN);
    NB_EACH_WAY(way) {
        struct nb_waiter waiter = nb_waiter(way, listener, POLLIN);
        CHECK_QUIET(&waiter, 220);
        nb_done(&waiter);
    }
    CHECK_ERRNO(accept(listener, NULL, NULL), EAGAIN);
    CHECK_ERRNO(accept4(listener, NULL, NULL, SOCK_NONBLOCK), EAGAIN);
    CHECK_NO_RECORDS();
    return 0;
}
