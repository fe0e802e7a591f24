// Requests whose answer came, came too late, or was not waited for; and the end of the stream in place of an answer. A request in
// two writes is one, from the first byte on; `awaiting` is how many there are now.
// Source: src/engine/op/measure.rs (response); SEMANTICS "Classes", response.
//
// env: WAY=blocking NETDEADLINE_RULES="to 127.0.0.2 response=600ms"
// env: WAY=poll NETDEADLINE_RULES="to 127.0.0.2 response=600ms"
// env: WAY=level NETDEADLINE_RULES="to 127.0.0.2 response=600ms"
// env: WAY=edge NETDEADLINE_RULES="to 127.0.0.2 response=600ms"
// env: WAY=loop NETDEADLINE_RULES="to 127.0.0.2 response=600ms"
#include "stats_work.h"

enum { ANSWERED = 5, EXPIRED = 2 };

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    enum st_way way = st_way();
    struct sockaddr_in at;
    struct st_socket socket, second;
    struct nd_later later;
    int listener = st_listener(2, 8, &at);
    st_connect(&socket, way, listener, &at);

    int64_t longest = 0;
    for (int i = 0; i < ANSWERED + EXPIRED; i++) {
        bool expires = i == 1 || i == 4;
        int64_t start = nd_now();
        CHECK_EQ(st_write(&socket, "ask", 3), 3);
        if (i == 2) CHECK_EQ(st_write(&socket, "ask", 3), 3);
        CHECK_GAUGES(st_to(st_own_page(), &at), 1, 0, 1);
        if (!expires) nd_send_later(&later, socket.peer, 40 * MS, "a", 1);
        CHECK_EQ(st_read(&socket), expires ? -ETIMEDOUT : 1);
        int64_t took = nd_now() - start;
        if (took > longest) longest = took;
        if (!expires) nd_later_join(&later);
        CHECK_GAUGES(st_to(st_own_page(), &at), 1, 0, 0);
    }
    const struct st_destination *place = st_to(st_own_page(), &at);
    const struct st_waits *responses = &place->classes[ST_RESPONSE];
    CHECK_WAITS(place, ST_RESPONSE, .ended = ANSWERED + EXPIRED, .expired = EXPIRED);
    CHECK_EQ(st_between(responses, 600 * MS, 60 * SEC), EXPIRED);
    CHECK_EQ(st_between(responses, 35 * MS, 60 * SEC), ANSWERED + EXPIRED);
    CHECK((int64_t)responses->longest <= longest);

    // Two are under way; one is closed unanswered, the other one gets the end instead.
    struct st_end end;
    st_connect(&second, way, listener, &at);
    CHECK_EQ(st_write(&second, "ask", 3), 3);
    CHECK_EQ(st_write(&socket, "ask", 3), 3);
    CHECK_GAUGES(st_to(st_own_page(), &at), 2, 0, 2);
    st_close(&second);
    CHECK_GAUGES(st_to(st_own_page(), &at), 1, 0, 1);
    st_end_later(&end, socket.peer, 20 * MS);
    CHECK_EQ(st_read(&socket), 0);
    nd_join(end.thread, 5 * SEC);
    st_close(&socket);
    place = st_to(st_own_page(), &at);
    CHECK_GAUGES(place, 0, 0, 0);
    CHECK_WAITS(place, ST_RESPONSE, .ended = ANSWERED + EXPIRED + 1, .expired = EXPIRED, .abandoned = 1);
    CHECK_WAITS(place, ST_LIFETIME, .ended = 2);
    CHECK_EQ(place->connections, 2);
    return 0;
}
