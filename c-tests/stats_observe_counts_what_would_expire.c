// In observe mode nothing expires: what would have is counted apart, the wait goes on and is counted with its whole length when its
// answer comes.
// Source: src/engine/op/measure.rs; SEMANTICS, NETDEADLINE_MODE.
//
// env: WAY=blocking NETDEADLINE_MODE=observe NETDEADLINE_RULES="to 127.0.0.2 read=400ms"
// env: WAY=poll NETDEADLINE_MODE=observe NETDEADLINE_RULES="to 127.0.0.2 read=400ms"
// env: WAY=level NETDEADLINE_MODE=observe NETDEADLINE_RULES="to 127.0.0.2 read=400ms"
// env: WAY=edge NETDEADLINE_MODE=observe NETDEADLINE_RULES="to 127.0.0.2 read=400ms"
// env: WAY=blocking NETDEADLINE_MODE=observe NETDEADLINE_RULES="to 127.0.0.2 response=400ms"
// env: WAY=poll NETDEADLINE_MODE=observe NETDEADLINE_RULES="to 127.0.0.2 response=400ms"
// env: WAY=level NETDEADLINE_MODE=observe NETDEADLINE_RULES="to 127.0.0.2 response=400ms"
// env: WAY=edge NETDEADLINE_MODE=observe NETDEADLINE_RULES="to 127.0.0.2 response=400ms"
#include "stats_work.h"

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    bool asks = strstr(getenv("NETDEADLINE_RULES"), "response") != NULL;
    enum st_class class = asks ? ST_RESPONSE : ST_READ;
    struct sockaddr_in at;
    struct st_socket socket;
    struct nd_later later;
    int listener = st_listener(2, 8, &at);
    st_connect(&socket, st_way(), listener, &at);
    CHECK_EQ(st_own_page()->observes, 1);
    for (int i = 0; i < 4; i++) {
        bool late = i & 1;
        if (asks) CHECK_EQ(st_write(&socket, "q", 1), 1);
        nd_send_later(&later, socket.peer, late ? 700 * MS : 20 * MS, "x", 1);
        CHECK_EQ(st_read(&socket), 1);
        nd_later_join(&later);
    }
    const struct st_destination *place = st_to(st_own_page(), &at);
    CHECK_WAITS(place, class, .ended = 4, .expired = 0, .observed = 2);
    CHECK_EQ(st_between(&place->classes[class], 690 * MS, 60 * SEC), 2);
    CHECK_EQ(st_own_page()->expiries, 2);
    CHECK_EQ(st_own_page()->last[0].observed, 1);
    st_close(&socket);
    CHECK_GAUGES(st_to(st_own_page(), &at), 0, 0, 0);
    return 0;
}
