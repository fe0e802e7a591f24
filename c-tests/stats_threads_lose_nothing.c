// Sixteen threads that connect, ask, wait and close at once: at the end the sums are exact, the histograms have every wait, no gauge is
// off; also where two threads close the last two numbers of one socket in the same moment.
// Source: issue 6 "16 threads recording at once lose nothing"; src/engine/evidence/page.rs.
//
// env: NETDEADLINE_RULES="to 127.0.0.0/24 read=1h write=1h"
// cflags: -O2
#include "stats_page.h"
#include <stdatomic.h>
#include <sys/epoll.h>

enum { THREADS = 16, CONNECTIONS = 40, ASKED = 10 };
static struct sockaddr_in at[3];
static int listeners[3];
static atomic_int ready, handed[THREADS / 2];

// The other ends: a byte for each byte, later than it was asked for, so that each read waits.
static void *serve(void *argument) {
    int set = MUST(epoll_create1(EPOLL_CLOEXEC)), left = THREADS * CONNECTIONS;
    (void)argument;
    for (int i = 0; i < 3; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        MUST(-nd_raw(SYS_epoll_ctl, set, EPOLL_CTL_ADD, listeners[i], (long)&event, 0, 0));
    }
    while (left > 0) {
        struct epoll_event events[64];
        long n = nd_raw(SYS_epoll_pwait, set, (long)events, 64, 10000, 0, 8);
        if (n <= 0) FAIL("the server waits: %ld", n);
        for (long i = 0; i < n; i++) {
            uint32_t which = events[i].data.u32;
            if (which < 3) {
                struct epoll_event event = {.events = EPOLLIN};
                event.data.u32 = (uint32_t)nd_raw_accept(listeners[which]) + 3;
                MUST(-nd_raw(SYS_epoll_ctl, set, EPOLL_CTL_ADD, event.data.u32 - 3, (long)&event, 0, 0));
                continue;
            }
            char byte;
            if (nd_raw_read((int)which - 3, &byte, 1) == 1) {
                nd_raw_write((int)which - 3, &byte, 1);
            } else {
                nd_raw_close((int)which - 3);
                left--;
            }
        }
    }
    nd_raw_close(set);
    return NULL;
}
// Two threads are a pair: one makes a second number of its socket, and both close theirs in the same moment.
static void *work(void *argument) {
    int number = (int)(intptr_t)argument;
    atomic_int *hand = &handed[number / 2];
    atomic_fetch_add(&ready, 1);
    while (atomic_load(&ready) < THREADS) {}
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = nd_connect(&at[(number + i) % 3]);
        for (int j = 0; j < ASKED; j++) {
            char byte = 'a';
            CHECK_EQ(send(fd, &byte, 1, MSG_NOSIGNAL), 1);
            struct pollfd entry = {.fd = fd, .events = POLLIN};
            CHECK_EQ(poll(&entry, 1, 10000), 1);
            CHECK_EQ(read(fd, &byte, 1), 1);
        }
        if (number & 1) {
            close(fd);
            int other;
            while (!(other = atomic_load(hand))) {}
            atomic_store(hand, 0);
            close(other);
        } else {
            int twin = MUST(dup(fd));
            while (atomic_load(hand)) {}
            atomic_store(hand, twin);
            while (atomic_load(hand)) {}
            close(fd);
        }
    }
    return NULL;
}

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    for (int i = 0; i < 3; i++) listeners[i] = st_listener(2 + i, 256, &at[i]);
    struct nd_thread server = nd_start(serve, NULL), threads[THREADS];
    for (int i = 0; i < THREADS; i++) threads[i] = nd_start(work, (void *)(intptr_t)i);
    for (int i = 0; i < THREADS; i++) nd_join(threads[i], 15 * SEC);
    nd_join(server, 15 * SEC);

    const struct st_page *page = st_own_page();
    uint64_t connections = 0, connects = 0, responses = 0, lifetimes = 0;
    for (int i = 0; i < ST_DESTINATIONS; i++) {
        // Two threads that meet the same new destination may fill two places.
        const struct st_destination *place = &page->destinations[i];
        if (place->state != 2) {
            CHECK_EQ(place->connections, 0);
            continue;
        }
        CHECK_WAITS(place, ST_CONNECT, .ended = place->connections);
        CHECK_WAITS(place, ST_LIFETIME, .ended = place->connections);
        CHECK_WAITS(place, ST_RESPONSE, .ended = place->connections * ASKED);
        CHECK_WAITS(place, ST_WRITE, 0);
        CHECK_GAUGES(place, 0, 0, 0);
        connections += place->connections;
        connects += place->classes[ST_CONNECT].ended;
        responses += place->classes[ST_RESPONSE].ended;
        lifetimes += place->classes[ST_LIFETIME].ended;
    }
    CHECK_EQ(connections, THREADS * CONNECTIONS);
    CHECK_EQ(connects, THREADS * CONNECTIONS);
    CHECK_EQ(responses, THREADS * CONNECTIONS * ASKED);
    CHECK_EQ(lifetimes, THREADS * CONNECTIONS);
    CHECK_EQ(page->expiries, 0);
    return 0;
}
