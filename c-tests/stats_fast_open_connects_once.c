// With TCP_FASTOPEN_CONNECT connect() answers 0 at once, and connects later: that answer is not the end of the wait, which is counted once,
// when it expired or when the first answer came.
// Source: src/engine/op/measure.rs; SEMANTICS "Classes", connect.
//
// env: WAY=blocking NETDEADLINE_RULES="to 127.0.0.0/24 connect=250ms"
// env: WAY=poll NETDEADLINE_RULES="to 127.0.0.0/24 connect=250ms"
#include "stats_work.h"

static bool open_fast(struct st_socket *socket_, const struct sockaddr_in *to) {
    int on = 1, type = SOCK_STREAM | SOCK_CLOEXEC | (st_way() == ST_BLOCK ? 0 : SOCK_NONBLOCK);
    *socket_ = (struct st_socket){.way = st_way(), .fd = MUST(socket(AF_INET, type, 0)), .set = -1, .peer = -1};
    if (setsockopt(socket_->fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on) ||
        setsockopt(socket_->fd, IPPROTO_TCP, 34 /* TCP_FASTOPEN_NO_COOKIE */, &on, sizeof on))
        return false;
    CHECK_EQ(connect(socket_->fd, (const struct sockaddr *)to, sizeof *to), 0);
    return true;
}

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    struct sockaddr_in hole, at;
    struct st_socket socket;
    st_black_hole(4, &hole);
    int64_t start = nd_now();
    if (!open_fast(&socket, &hole)) SKIP("no TCP Fast Open here: %s", strerror(errno));
    CHECK_GAUGES(st_to(st_own_page(), &hole), 1, 1, 0);
    CHECK_WAITS(st_to(st_own_page(), &hole), ST_CONNECT, 0);
    long went = st_write(&socket, "q", 1);
    if (went == 1) went = st_read(&socket);
    CHECK_EQ(went, -ETIMEDOUT);
    int64_t took = nd_now() - start;
    const struct st_destination *place = st_to(st_own_page(), &hole);
    CHECK_WAITS(place, ST_CONNECT, .ended = 1, .expired = 1);
    CHECK_EQ(place->connecting, 0);
    CHECK_EQ(st_between(&place->classes[ST_CONNECT], 250 * MS, took), 1);
    st_close(&socket);
    CHECK_GAUGES(st_to(st_own_page(), &hole), 0, 0, 0);

    int listener = st_listener(2, 8, &at);
    start = nd_now();
    open_fast(&socket, &at);
    CHECK_EQ(st_write(&socket, "q", 1), 1);
    socket.peer = nd_raw_accept(listener);
    struct nd_later later;
    nd_send_later(&later, socket.peer, 20 * MS, "a", 1);
    CHECK_EQ(st_read(&socket), 1);
    nd_later_join(&later);
    place = st_to(st_own_page(), &at);
    CHECK_WAITS(place, ST_CONNECT, .ended = 1);
    CHECK_WAITS(place, ST_RESPONSE, .ended = 1);
    CHECK_GAUGES(place, 1, 0, 0);
    CHECK((int64_t)place->classes[ST_CONNECT].longest <= nd_now() - start);
    st_close(&socket);
    CHECK_GAUGES(st_to(st_own_page(), &at), 0, 0, 0);
    return 0;
}
