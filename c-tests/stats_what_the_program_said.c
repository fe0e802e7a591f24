// The program's own SO_RCVTIMEO and SO_SNDTIMEO on a non-blocking socket, and a rule's lifetime: each expiry is in its own count, in the
// class of the wait that it ended, and among the last expiries with all that is known of it.
// Source: src/engine/evidence/page.rs (Own, Kept); SEMANTICS "Sources of a deadline".
//
// env: NETDEADLINE_RULES="to 127.0.0.9 lifetime=150ms"
#include "stats_page.h"

static struct st_expiry last(uint64_t number) {
    const struct st_page *page = st_own_page();
    CHECK_EQ(page->expiries, number);
    struct st_expiry expiry = page->last[number - 1];
    CHECK_EQ(expiry.sequence, 2 * number);
    CHECK_EQ(expiry.tid, gettid());
    CHECK_EQ(strcmp(expiry.comm, page->comm), 0);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t ago = (int64_t)now.tv_sec * SEC + now.tv_nsec - (int64_t)expiry.realtime;
    CHECK(ago >= 0 && ago < 20 * SEC);
    return expiry;
}

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    struct sockaddr_in at;
    struct pollfd entry;
    uint64_t key[ST_KEY];
    char byte;
    int listener = st_listener(2, 8, &at);
    struct nd_pair pair = {.client = nd_connect(&at), .at = at};
    pair.peer = nd_raw_accept(listener);
    nd_small_buffers(&pair);
    nd_nonblocking(pair.client);
    nd_set_timeout(pair.client, SO_RCVTIMEO, 100 * MS);
    st_key(&at, key);

    entry = (struct pollfd){.fd = pair.client, .events = POLLIN};
    CHECK_EQ(poll(&entry, 1, 5000), 1);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    const struct st_destination *place = st_to(st_own_page(), &at);
    CHECK_EQ(place->own[ST_RCVTIMEO], 1);
    CHECK_WAITS(place, ST_READ, .ended = 1, .expired = 1);
    CHECK_EQ(st_between(&place->classes[ST_READ], 100 * MS, 10 * SEC), 1);
    struct st_expiry expiry = last(1);
    CHECK_EQ(expiry.cause, 16 + ST_RCVTIMEO);
    CHECK_EQ(expiry.fd, pair.client);
    CHECK_EQ(strcmp(expiry.operation, "poll"), 0);
    CHECK_EQ(expiry.timeout, 100 * MS);
    CHECK(expiry.waited >= expiry.timeout);
    CHECK_EQ(memcmp(expiry.peer, key, sizeof key), 0);
    CHECK_EQ(expiry.origin, 0);
    uint64_t cookie = 0;
    MUST(nd_raw_getsockopt(pair.client, SOL_SOCKET, SO_COOKIE, &cookie, sizeof cookie));
    CHECK_EQ(expiry.cookie, cookie);
    CHECK_EQ(expiry.received, 0);
    CHECK_EQ(expiry.sent, 0);

    nd_fill(pair.client);
    nd_set_timeout(pair.client, SO_SNDTIMEO, 100 * MS);
    entry = (struct pollfd){.fd = pair.client, .events = POLLOUT};
    CHECK_ERRNO(write(pair.client, "x", 1), EAGAIN);
    CHECK_EQ(poll(&entry, 1, 5000), 1);
    CHECK_ERRNO(write(pair.client, "x", 1), ETIMEDOUT);
    place = st_to(st_own_page(), &at);
    CHECK_EQ(place->own[ST_SNDTIMEO], 1);
    CHECK_WAITS(place, ST_WRITE, .ended = 1, .expired = 1);
    CHECK_EQ(last(2).cause, 16 + ST_SNDTIMEO);
    CHECK_GAUGES(place, 1, 0, 0);
    nd_pair_close(&pair);
    place = st_to(st_own_page(), &at);
    CHECK_GAUGES(place, 0, 0, 0);
    // It was no connection yet when nobody had said anything of it: from then on.
    CHECK_EQ(place->connections, 1);

    listener = st_listener(9, 8, &at);
    int fd = nd_connect(&at), peer = nd_raw_accept(listener);
    int64_t start = nd_now();
    CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
    CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
    CHECK_ERRNO(write(fd, &byte, 1), ETIMEDOUT);
    place = st_to(st_own_page(), &at);
    CHECK_WAITS(place, ST_LIFETIME, .ended = 0, .expired = 1);
    CHECK_GAUGES(place, 1, 0, 0);
    close(fd);
    int64_t lived = nd_now() - start;
    place = st_to(st_own_page(), &at);
    CHECK_WAITS(place, ST_LIFETIME, .ended = 1, .expired = 1);
    CHECK_EQ(st_between(&place->classes[ST_LIFETIME], 150 * MS, lived + 200 * MS), 1);
    CHECK_WAITS(place, ST_READ, 0);
    CHECK_GAUGES(place, 0, 0, 0);
    expiry = last(3);
    CHECK_EQ(expiry.cause, ST_LIFETIME);
    CHECK_EQ(expiry.origin, 2);
    CHECK_EQ(expiry.line, 1);
    CHECK_EQ(memcmp(&st_own_page()->destinations[expiry.destination], place, 128), 0);
    nd_raw_close(peer);
    return 0;
}
