// IPv4, IPv6, a v4-mapped address, a unix path, an abstract name and what `on` rules accept each have a place of their own, once; what
// comes after 31 of them is counted together.
// Source: src/engine/evidence/page.rs (Key, destination).
//
// env: NETDEADLINE_RULES="on * read=1h; to unix:* read=1h; to unix:@* read=1h; to * read=1h"
#include "stats_page.h"

enum { MANY = 40 };

static void request(int fd, int peer) {
    CHECK_EQ(send(fd, "a", 1, MSG_NOSIGNAL), 1);
    CHECK_EQ(nd_raw_write(peer, "b", 1), 1);
    char byte;
    CHECK_EQ(read(fd, &byte, 1), 1);
}
static void check_one(const void *address, bool accepts, uint64_t responses) {
    const struct st_destination *place = st_find(st_own_page(), address, accepts);
    if (!place) FAIL("no place, family %d", ((const struct sockaddr *)address)->sa_family);
    CHECK_EQ(place->connections, 1);
    CHECK_GAUGES(place, 0, 0, 0);
    CHECK_WAITS(place, ST_LIFETIME, .ended = 1);
    CHECK_WAITS(place, ST_RESPONSE, .ended = responses);
    CHECK_WAITS(place, ST_CONNECT, .ended = accepts ? 0 : 1);
}
static void dial(const void *address, socklen_t size, int listener) {
    int fd = MUST(socket(((const struct sockaddr *)address)->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    MUST(connect(fd, address, size));
    int peer = nd_raw_accept(listener);
    request(fd, peer);
    close(fd);
    nd_raw_close(peer);
}

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    struct sockaddr_in v4;
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}, mapped;
    struct sockaddr_un path, abstract = {.sun_family = AF_UNIX};
    socklen_t size = sizeof v6;
    int listener4 = st_listener(2, 8, &v4);
    dial(&v4, sizeof v4, listener4);
    check_one(&v4, false, 1);

    int listener6 = MUST(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    MUST(bind(listener6, (struct sockaddr *)&v6, sizeof v6));
    MUST(getsockname(listener6, (struct sockaddr *)&v6, &size));
    MUST(listen(listener6, 8));
    dial(&v6, sizeof v6, listener6);
    check_one(&v6, false, 1);

    // The same destination as by its short name.
    memset(&mapped, 0, sizeof mapped);
    mapped.sin6_family = AF_INET6;
    mapped.sin6_port = v4.sin_port;
    mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
    memcpy(mapped.sin6_addr.s6_addr + 12, &v4.sin_addr, 4);
    dial(&mapped, sizeof mapped, listener4);
    CHECK_EQ(st_to(st_own_page(), &v4)->connections, 2);

    int listener = nd_unix_listener("socket", 8);
    size = nd_unix_address(&path, "socket");
    dial(&path, size, listener);
    check_one(&path, false, 1);
    size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                       (size_t)sprintf(abstract.sun_path + 1, "nd-stats-%d", (int)getpid()));
    int hidden = MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    MUST(bind(hidden, (struct sockaddr *)&abstract, size));
    MUST(listen(hidden, 8));
    dial(&abstract, size, hidden);
    int places = st_places(st_own_page());
    CHECK_EQ(places, 4);

    // What is accepted: this end's name, and apart from a destination of the same name.
    int client = (int)nd_raw(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    MUST(-nd_raw(SYS_connect, client, (long)&v4, sizeof v4, 0, 0, 0));
    int served = MUST(accept(listener4, NULL, NULL));
    const struct st_destination *place = st_find(st_own_page(), &v4, true);
    CHECK(place != NULL);
    CHECK_GAUGES(place, 1, 0, 0);
    // Answers to a client are no requests.
    char byte;
    CHECK_EQ(nd_raw_write(client, "q", 1), 1);
    CHECK_EQ(read(served, &byte, 1), 1);
    CHECK_EQ(write(served, "a", 1), 1);
    CHECK_GAUGES(st_find(st_own_page(), &v4, true), 1, 0, 0);
    close(served);
    check_one(&v4, true, 0);
    nd_raw_close(client);

    struct sockaddr_in many[MANY];
    for (int i = 0; i < MANY; i++) {
        int one = st_listener(10 + i, 2, &many[i]);
        dial(&many[i], sizeof many[i], one);
        nd_raw_close(one);
    }
    const struct st_page *page = st_own_page();
    int beyond = MANY - (ST_OTHER - places - 1);
    CHECK_EQ(st_places(page), ST_OTHER);
    place = &page->destinations[ST_OTHER];
    CHECK_EQ(place->state, 0);
    CHECK_EQ(place->connections, beyond);
    CHECK_GAUGES(place, 0, 0, 0);
    CHECK_WAITS(place, ST_LIFETIME, .ended = (uint64_t)beyond);
    CHECK_WAITS(place, ST_RESPONSE, .ended = (uint64_t)beyond);
    CHECK_WAITS(place, ST_CONNECT, .ended = (uint64_t)beyond);
    uint64_t sum = 0;
    for (int i = 0; i < ST_DESTINATIONS; i++) sum += page->destinations[i].connections;
    CHECK_EQ(sum, 6 + MANY);
    return 0;
}
