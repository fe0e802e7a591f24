// Rules name IPv6 destinations in brackets; a v4-mapped destination is the IPv4 address that it is; a rule for one family
// says nothing about the other.
// Source: SEMANTICS "Policy text"; issue, 4 (selectors).
//
// env: NETDEADLINE_RULES="to [::1] read=300ms"
// env: NETDEADLINE_RULES="to [::/0] read=300ms"
// env: NETDEADLINE_RULES="to 127.0.0.0/8 read=300ms"
#include "fd_nd.h"

static struct nd_pair over(const struct in6_addr *to) {
    struct nd_pair pair;
    struct sockaddr_in6 at = {.sin6_family = AF_INET6};
    socklen_t size = sizeof at;
    int off = 0, listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0) SKIP("no IPv6: %s", strerror(errno));
    MUST(setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off));
    if (bind(listener, (struct sockaddr *)&at, sizeof at)) SKIP("no IPv6: %s", strerror(errno));
    MUST(getsockname(listener, (struct sockaddr *)&at, &size));
    MUST(listen(listener, 4));
    at.sin6_addr = *to;
    pair.client = MUST(socket(AF_INET6, SOCK_STREAM, 0));
    if (connect(pair.client, (struct sockaddr *)&at, sizeof at)) SKIP("no IPv6 loopback: %s", strerror(errno));
    pair.peer = nd_raw_accept(listener);
    nd_raw_close(listener);
    return pair;
}

int main(void) {
    struct in6_addr mapped = {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1}}};
    struct nd_pair six = over(&in6addr_loopback), four = over(&mapped), plain = nd_tcp_pair();
    if (strchr(getenv("NETDEADLINE_RULES"), ':')) {
        CHECK_READ_TIMES_OUT(six.client, 300 * MS);
        CHECK_RECORD("read", "deadline_ms", "300.000");
        CHECK_READ_WAITS(four.client, four.peer, 700 * MS);
        CHECK_READ_WAITS(plain.client, plain.peer, 700 * MS);
    } else {
        CHECK_READ_WAITS(six.client, six.peer, 700 * MS);
        CHECK_READ_TIMES_OUT(four.client, 300 * MS);
        CHECK_READ_TIMES_OUT(plain.client, 300 * MS);
    }
    return 0;
}
