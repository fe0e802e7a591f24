// Connects that were established, refused, cut by their deadline and given up by close: each is counted once and as what it was,
// and the gauges say so while they are under way.
// Source: src/engine/op/measure.rs (connect); SEMANTICS "Classes", connect.
//
// env: WAY=blocking NETDEADLINE_RULES="to 127.0.0.0/24 connect=150ms"
// env: WAY=poll NETDEADLINE_RULES="to 127.0.0.0/24 connect=150ms"
// env: WAY=level NETDEADLINE_RULES="to 127.0.0.0/24 connect=150ms"
// env: WAY=edge NETDEADLINE_RULES="to 127.0.0.0/24 connect=150ms"
// env: WAY=loop NETDEADLINE_RULES="to 127.0.0.0/24 connect=150ms"
#include "stats_work.h"

enum { ESTABLISHED = 5, REFUSED = 3, EXPIRED = 2, GIVEN_UP = 3 };

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    enum st_way way = st_way();
    struct sockaddr_in good, shut, hole;
    struct st_socket sockets[ESTABLISHED], other;
    int listener = st_listener(2, 16, &good);
    nd_raw_close(st_listener(3, 1, &shut));
    st_black_hole(4, &hole);

    int64_t longest = 0;
    for (int i = 0; i < ESTABLISHED; i++) {
        st_connect(&sockets[i], way, listener, &good);
        if (sockets[i].connected_in > longest) longest = sockets[i].connected_in;
    }
    const struct st_destination *place = st_to(st_own_page(), &good);
    CHECK_GAUGES(place, ESTABLISHED, 0, 0);
    CHECK_WAITS(place, ST_CONNECT, .ended = ESTABLISHED);
    CHECK((int64_t)place->classes[ST_CONNECT].longest <= longest);
    // What comes of them later is no part of their connecting.
    nd_sleep(30 * MS);
    for (int i = 0; i < ESTABLISHED; i++) {
        CHECK_EQ(st_write(&sockets[i], "x", 1), 1);
        st_close(&sockets[i]);
    }
    place = st_to(st_own_page(), &good);
    CHECK_GAUGES(place, 0, 0, 0);
    CHECK_EQ(place->connections, ESTABLISHED);
    CHECK_WAITS(place, ST_CONNECT, .ended = ESTABLISHED);
    CHECK((int64_t)place->classes[ST_CONNECT].longest <= longest);
    CHECK_WAITS(place, ST_RESPONSE, .abandoned = ESTABLISHED);

    for (int i = 0; i < REFUSED; i++) {
        CHECK_EQ(st_dial(&other, way, &shut, sizeof shut), ECONNREFUSED);
        place = st_to(st_own_page(), &shut);
        CHECK_EQ(place->connecting, 0);
        st_close(&other);
    }
    place = st_to(st_own_page(), &shut);
    CHECK_GAUGES(place, 0, 0, 0);
    CHECK_WAITS(place, ST_CONNECT, .ended = REFUSED);

    longest = 0;
    for (int i = 0; i < EXPIRED; i++) {
        int64_t start = nd_now();
        CHECK_EQ(st_dial(&other, way, &hole, sizeof hole), ETIMEDOUT);
        CHECK_ENDED_AT(start, 150 * MS);
        if (other.connected_in > longest) longest = other.connected_in;
        st_close(&other);
    }
    place = st_to(st_own_page(), &hole);
    CHECK_GAUGES(place, 0, 0, 0);
    CHECK_WAITS(place, ST_CONNECT, .ended = EXPIRED, .expired = EXPIRED);
    CHECK_EQ(st_between(&place->classes[ST_CONNECT], 150 * MS, longest), EXPIRED);
    CHECK((int64_t)place->classes[ST_CONNECT].longest <= longest);
    CHECK_EQ(st_own_page()->expiries, EXPIRED);

    // A blocking connect cannot be given up by the thread that waits in it.
    for (int i = 0; i < GIVEN_UP && way != ST_BLOCK; i++) {
        int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole, sizeof hole), EINPROGRESS);
        place = st_to(st_own_page(), &hole);
        CHECK_GAUGES(place, 1, 1, 0);
        nd_sleep(5 * MS);
        close(fd);
        place = st_to(st_own_page(), &hole);
        CHECK_GAUGES(place, 0, 0, 0);
        CHECK_WAITS(place, ST_CONNECT, .ended = EXPIRED, .expired = EXPIRED, .abandoned = (uint64_t)i + 1);
    }
    CHECK_EQ(st_places(st_own_page()), 3);
    return 0;
}
