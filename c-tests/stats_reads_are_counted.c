// So many reads that waited and were answered, so many that expired, an end of file: the page has exactly these, in the buckets of
// how long they took, however the program waits.
// Source: src/engine/op/measure.rs (a wait of class read); issue 6 "Evidence exact".
//
// env: WAY=blocking NETDEADLINE_RULES="to 127.0.0.2 read=600ms"
// env: WAY=poll NETDEADLINE_RULES="to 127.0.0.2 read=600ms"
// env: WAY=level NETDEADLINE_RULES="to 127.0.0.2 read=600ms"
// env: WAY=edge NETDEADLINE_RULES="to 127.0.0.2 read=600ms"
// env: WAY=loop NETDEADLINE_RULES="to 127.0.0.2 read=600ms"
#include "stats_work.h"

enum { ANSWERED = 5, EXPIRED = 2 };

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    enum st_way way = st_way();
    struct sockaddr_in at;
    int listener = st_listener(2, 8, &at);
    struct st_socket socket;
    struct nd_later later;
    st_connect(&socket, way, listener, &at);

    int64_t longest = 0;
    for (int i = 0; i < ANSWERED + EXPIRED; i++) {
        bool expires = i == 1 || i == 4;
        if (!expires) nd_send_later(&later, socket.peer, 40 * MS, "x", 1);
        int64_t start = nd_now();
        CHECK_EQ(st_read(&socket), expires ? -ETIMEDOUT : 1);
        int64_t took = nd_now() - start;
        if (took > longest) longest = took;
        if (!expires) nd_later_join(&later);
    }
    const struct st_destination *place = st_to(st_own_page(), &at);
    CHECK_WAITS(place, ST_CONNECT, .ended = 1);
    CHECK_WAITS(place, ST_READ, .ended = ANSWERED + EXPIRED, .expired = EXPIRED);
    CHECK_WAITS(place, ST_RESPONSE, 0);
    CHECK_WAITS(place, ST_WRITE, 0);
    CHECK_WAITS(place, ST_LIFETIME, 0);
    CHECK_GAUGES(place, 1, 0, 0);
    const struct st_waits *reads = &place->classes[ST_READ];
    CHECK_EQ(st_between(reads, 600 * MS, 60 * SEC), EXPIRED);
    CHECK_EQ(st_between(reads, 35 * MS, 60 * SEC), EXPIRED + ANSWERED);
    // A wait that the program made one call of: no longer than that call. (Who registered began to wait a little before.)
    CHECK((int64_t)reads->longest <= longest + (way == ST_BLOCK ? 0 : 20 * MS));
    CHECK((int64_t)place->classes[ST_CONNECT].longest <= socket.connected_in);
    CHECK_EQ(st_own_page()->expiries, EXPIRED);

    // The end of the stream ends a wait too.
    struct st_end end;
    st_end_later(&end, socket.peer, 40 * MS);
    CHECK_EQ(st_read(&socket), 0);
    nd_join(end.thread, 5 * SEC);
    st_close(&socket);
    place = st_to(st_own_page(), &at);
    CHECK_WAITS(place, ST_READ, .ended = ANSWERED + EXPIRED + 1, .expired = EXPIRED);
    CHECK_WAITS(place, ST_LIFETIME, .ended = 1);
    CHECK_WAITS(place, ST_CONNECT, .ended = 1);
    CHECK_GAUGES(place, 0, 0, 0);
    CHECK_EQ(place->connections, 1);
    CHECK_EQ(st_own_page()->lost, 0);
    return 0;
}
