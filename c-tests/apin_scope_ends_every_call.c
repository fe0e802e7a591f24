// In a scope every call of the thread that blocks on a socket ends at the scope's instant with ETIMEDOUT, and later ones fail at
// once, also where there are data, room or a connection; nothing is consumed; after the scope all of it is there.
// Source: include/netdeadline.h, nd_scope_enter.
//
// api: yes
#include "apin_wait.h"

static void until_its_instant(const struct nd_call *call, int fd) {
    char byte = 'w';
    apin_say(call->name);
    int64_t when = nd_now() + 15 * MS, token = nd_scope_enter(when);
    CHECK(token >= 0);
    CHECK_ERRNO(call->make(fd, &byte), ETIMEDOUT);
    CHECK_JUST_AFTER(when);
    CHECK_PAST(call->make(fd, &byte));
    CHECK_EQ(nd_scope_leave(token), 0);
}
static void at_once(const struct nd_call *call, int fd) {
    char byte = 'w';
    int64_t token = nd_scope_enter(nd_now() - 1);
    CHECK(token >= 0);
    for (int i = 0; i < 3; i++) CHECK_PAST(call->make(fd, &byte));
    CHECK_EQ(nd_scope_leave(token), 0);
}

int main(void) {
    char byte, bytes[16];
    APIN_EACH_KIND(kind) {
        struct nd_pair pair = api_pair(kind);
        for (size_t i = 0; i < API_READ_CALLS; i++) until_its_instant(&api_read_calls[i], pair.client);
        apin_arrive(&pair, "in", 2);
        for (size_t i = 0; i < API_READ_CALLS; i++) at_once(&api_read_calls[i], pair.client);
        for (size_t i = 0; i < API_WRITE_CALLS; i++) at_once(&api_write_calls[i], pair.client);
        CHECK_EQ(io_read(pair.client, bytes, sizeof bytes), 2);
        CHECK(!memcmp(bytes, "in", 2));
        CHECK_EQ(api_peer_got(pair.peer, bytes, sizeof bytes), -EAGAIN);
        CHECK_EQ(io_write(pair.client, "out", 3), 3);
        CHECK_EQ(nd_raw_read(pair.peer, bytes, sizeof bytes), 3);
        api_close(&pair);
        if (kind == API_UDP) continue;
        pair = api_full_pair(kind);
        for (size_t i = 0; i < API_WRITE_CALLS; i++) until_its_instant(&api_write_calls[i], pair.client);
        api_close(&pair);
    }
    struct sockaddr_in at;
    int listener = nd_listener(4, &at);
    for (size_t i = 0; i < API_ACCEPT_CALLS; i++) until_its_instant(&api_accept_calls[i], listener);
    api_target.in = at;
    api_target_size = sizeof at;
    int client = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    for (size_t i = 0; i < API_CONNECT_CALLS; i++) at_once(&api_connect_calls[i], client);
    CHECK(!nd_somebody_connects(listener, 20 * MS));
    CHECK_EQ(io_connect(client, &api_target.any, api_target_size), 0);
    CHECK(nd_somebody_connects(listener, 3 * SEC));
    for (size_t i = 0; i < API_ACCEPT_CALLS; i++) at_once(&api_accept_calls[i], listener);
    int accepted = MUST(io_accept(listener, NULL, NULL));
    CHECK_EQ(io_write(client, "c", 1), 1);
    CHECK_EQ(io_read(accepted, &byte, 1), 1);
    struct nd_hole hole = nd_black_hole();
    api_target.in = hole.at;
    for (size_t i = 0; i < API_CONNECT_CALLS; i++) {
        int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        until_its_instant(&api_connect_calls[i], fd);
        CHECK(nd_tcp_state(fd) != TCP_SYN_SENT);
        io_close(fd);
    }
    return 0;
}
