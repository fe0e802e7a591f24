// Threads that are cancelled in a wait and handlers that jump out of one leave the counts as they are: a connection stays open until it
// is closed, a connect is given up by that, no gauge goes below nothing or stays. Handlers that connect and read in the middle of the
// library's own work are counted like everyone else.
// Source: SEMANTICS "Blocking calls", last line; src/engine/op/measure.rs.
//
// env: NETDEADLINE_RULES="to 127.0.0.0/24 read=1h connect=1h write=1h"
#include "stats_page.h"
#include <setjmp.h>
#include <sys/time.h>

static struct sockaddr_in at, hole, other;
static int other_listener;
static sigjmp_buf back;
static void leave(int number) {
    (void)number;
    siglongjmp(back, 1);
}
static volatile int made_by_handler;
static void connects(int number) {
    (void)number;
    int failed = errno, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char byte;
    if (connect(fd, (struct sockaddr *)&other, sizeof other)) FAIL("connect in a handler: %s", strerror(errno));
    int peer = nd_raw_accept(other_listener);
    nd_raw_write(peer, "b", 1);
    if (read(fd, &byte, 1) != 1) FAIL("read in a handler: %s", strerror(errno));
    close(fd);
    nd_raw_close(peer);
    made_by_handler = made_by_handler + 1;
    errno = failed;
}
static int shared;
static void *reads(void *unused) {
    char byte;
    (void)!read(shared, &byte, 1);
    return unused;
}
static void soon(long us) {
    struct itimerval timer = {.it_value = {.tv_usec = us}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    int listener = st_listener(2, 16, &at);
    other_listener = st_listener(5, 64, &other);
    st_black_hole(4, &hole);
    struct sigaction action = {.sa_handler = leave, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    shared = nd_connect(&at);
    int peer = nd_raw_accept(listener);

    for (volatile int i = 0; i < 40; i++) {
        volatile int fd = -1;
        char byte;
        if (!sigsetjmp(back, 1)) {
            soon(2000);
            struct pollfd entry = {.fd = shared, .events = POLLIN};
            if (i % 3 == 0) (void)!read(shared, &byte, 1);
            if (i % 3 == 1) poll(&entry, 1, -1);
            fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
            connect(fd, (struct sockaddr *)&hole, sizeof hole);
            FAIL("wait %d ended by itself: %s", i % 3, strerror(errno));
        }
        if (fd >= 0) {
            CHECK_GAUGES(st_to(st_own_page(), &hole), 1, 1, 0);
            close(fd);
        }
        CHECK_GAUGES(st_to(st_own_page(), &at), 1, 0, 0);
    }
    const struct st_destination *place = st_to(st_own_page(), &hole);
    CHECK_GAUGES(place, 0, 0, 0);
    CHECK_WAITS(place, ST_CONNECT, .abandoned = 13);

    for (int i = 0; i < 10; i++) {
        struct nd_thread thread = nd_start(reads, NULL);
        nd_sleep(3 * MS);
        pthread_cancel(thread.id);
        CHECK(nd_join(thread, 4 * SEC) == PTHREAD_CANCELED);
    }
    CHECK_WAITS(st_to(st_own_page(), &at), ST_READ, 0);

    // Signals in the middle of everything that the library does for a connection.
    action.sa_handler = connects;
    sigaction(SIGALRM, &action, NULL);
    struct itimerval often = {.it_interval = {.tv_usec = 700}, .it_value = {.tv_usec = 700}};
    setitimer(ITIMER_REAL, &often, NULL);
    int made = 0;
    for (int64_t end = nd_now() + 700 * MS; nd_now() < end; made++) {
        int fd = nd_connect(&at), its_peer = nd_raw_accept(listener);
        char byte;
        CHECK_EQ(send(fd, "a", 1, MSG_NOSIGNAL), 1);
        CHECK_EQ(nd_raw_write(its_peer, "b", 1), 1);
        CHECK_EQ(recv(fd, &byte, 1, 0), 1);
        close(fd);
        nd_raw_close(its_peer);
    }
    often = (struct itimerval){0};
    setitimer(ITIMER_REAL, &often, NULL);
    CHECK(made_by_handler > 20);
    place = st_to(st_own_page(), &other);
    CHECK_EQ(place->connections, made_by_handler);
    CHECK_WAITS(place, ST_CONNECT, .ended = (uint64_t)made_by_handler);
    CHECK_WAITS(place, ST_LIFETIME, .ended = (uint64_t)made_by_handler);
    CHECK_GAUGES(place, 0, 0, 0);
    close(shared);
    nd_raw_close(peer);
    place = st_to(st_own_page(), &at);
    CHECK_EQ(place->connections, made + 1);
    CHECK_WAITS(place, ST_CONNECT, .ended = (uint64_t)made + 1);
    CHECK_WAITS(place, ST_RESPONSE, .ended = (uint64_t)made);
    CHECK_WAITS(place, ST_LIFETIME, .ended = (uint64_t)made + 1);
    CHECK_GAUGES(place, 0, 0, 0);
    return 0;
}
