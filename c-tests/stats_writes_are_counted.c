// Writes that waited for room and got it, and writes that expired, are counted as such; a write that found its room at once waited for
// nothing.
// Source: src/engine/op/measure.rs (write); SEMANTICS "Classes", write.
//
// env: WAY=blocking NETDEADLINE_RULES="to 127.0.0.1 write=600ms"
// env: WAY=poll NETDEADLINE_RULES="to 127.0.0.1 write=600ms"
// env: WAY=level NETDEADLINE_RULES="to 127.0.0.1 write=600ms"
// env: WAY=edge NETDEADLINE_RULES="to 127.0.0.1 write=600ms"
// env: WAY=loop NETDEADLINE_RULES="to 127.0.0.1 write=600ms"
#include "stats_work.h"

static void *drain(void *argument) {
    nd_sleep(100 * MS);
    for (int i = 0; i < 200; i++) {
        nd_drain(*(int *)argument);
        nd_sleep(2 * MS);
    }
    return NULL;
}

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    enum st_way way = st_way();
    struct nd_pair pair = nd_tcp_pair();
    nd_small_buffers(&pair);
    struct st_socket socket = {.way = way, .fd = pair.client, .set = -1, .peer = pair.peer};
    if (st_epolls(way)) socket.set = MUST(epoll_create1(EPOLL_CLOEXEC));
    if (way != ST_BLOCK) nd_nonblocking(pair.client);
    st_interest(&socket, way == ST_EDGE ? EPOLLIN | EPOLLOUT : EPOLLIN);

    for (int i = 0; i < 3; i++) CHECK_EQ(st_write(&socket, "x", 1), 1);
    CHECK_WAITS(st_to(st_own_page(), &pair.at), ST_WRITE, 0);
    nd_fill(pair.client);
    for (uint64_t i = 1; i <= 2; i++) {
        int64_t start = nd_now();
        CHECK_EQ(st_write(&socket, "x", 1), -ETIMEDOUT);
        CHECK_ENDED_AT(start, 600 * MS);
        int64_t took = nd_now() - start;
        const struct st_destination *place = st_to(st_own_page(), &pair.at);
        CHECK_WAITS(place, ST_WRITE, .ended = i, .expired = i);
        CHECK_EQ(st_between(&place->classes[ST_WRITE], 600 * MS, 60 * SEC), i);
        if (i == 1) CHECK((int64_t)place->classes[ST_WRITE].longest <= took);
    }
    struct nd_thread drainer = nd_start(drain, &pair.peer);
    int64_t start = nd_now();
    CHECK_EQ(st_write(&socket, "x", 1), 1);
    int64_t took = nd_now() - start;
    const struct st_destination *place = st_to(st_own_page(), &pair.at);
    CHECK_WAITS(place, ST_WRITE, .ended = 3, .expired = 2);
    CHECK_EQ(st_between(&place->classes[ST_WRITE], 50 * MS, took), st_between(&place->classes[ST_WRITE], 0, took));
    nd_join(drainer, 10 * SEC);
    CHECK_EQ(st_own_page()->expiries, 2);
    st_close(&socket);
    CHECK_GAUGES(st_to(st_own_page(), &pair.at), 0, 0, 0);
    return 0;
}
