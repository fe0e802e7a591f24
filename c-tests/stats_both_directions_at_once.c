// One thread writes requests, another reads their answers from the same socket, so that a wait ends in the moment in which it begins: in
// the end none is left over, and no more have ended than were asked.
// Source: src/engine/op/measure.rs (begin, end).
//
// env: NETDEADLINE_RULES="to 127.0.0.0/24 read=1h"
// cflags: -O2
#include "stats_page.h"

enum { PAIRS = 4 };
static struct sockaddr_in at;
static struct nd_pair pairs[PAIRS];
static int64_t end;

static void *echo(void *argument) {
    static char block[PAIRS][65536];
    struct nd_pair *pair = argument;
    for (long got; (got = nd_raw_read(pair->peer, block[pair - pairs], 65536)) > 0;)
        for (long sent = 0; sent < got;) sent += nd_raw_write(pair->peer, block[pair - pairs] + sent, (size_t)(got - sent));
    return NULL;
}
static void *asks(void *argument) {
    struct nd_pair *pair = argument;
    intptr_t count = 0;
    for (; nd_now() < end; count++) CHECK_EQ(send(pair->client, "q", 1, MSG_NOSIGNAL), 1);
    CHECK_EQ(shutdown(pair->client, SHUT_WR), 0);
    return (void *)count;
}
static void *takes(void *argument) {
    struct nd_pair *pair = argument;
    char byte;
    for (ssize_t got; (got = recv(pair->client, &byte, 1, 0)) != 0;) CHECK_EQ(got, 1);
    return NULL;
}

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    struct nd_thread threads[PAIRS][3];
    int listener = st_listener(2, 8, &at);
    for (int i = 0; i < PAIRS; i++) pairs[i] = (struct nd_pair){.client = nd_connect(&at), .peer = nd_raw_accept(listener)};
    end = nd_now() + 300 * MS;
    for (int i = 0; i < PAIRS; i++) {
        threads[i][0] = nd_start(echo, &pairs[i]);
        threads[i][1] = nd_start(takes, &pairs[i]);
        threads[i][2] = nd_start(asks, &pairs[i]);
    }
    uint64_t asked = 0;
    for (int i = 0; i < PAIRS; i++) {
        asked += (uint64_t)(intptr_t)nd_join(threads[i][2], 15 * SEC);
        nd_join(threads[i][0], 15 * SEC);
        nd_raw(SYS_shutdown, pairs[i].peer, SHUT_WR, 0, 0, 0, 0);
        nd_join(threads[i][1], 15 * SEC);
    }
    const struct st_destination *place = st_to(st_own_page(), &at);
    CHECK_GAUGES(place, PAIRS, 0, 0);
    CHECK_EQ(place->classes[ST_RESPONSE].abandoned, 0);
    CHECK(place->classes[ST_RESPONSE].ended <= asked && place->classes[ST_RESPONSE].ended >= PAIRS);
    for (int i = 0; i < PAIRS; i++) close(pairs[i].client);
    CHECK_GAUGES(st_to(st_own_page(), &at), 0, 0, 0);
    return 0;
}
