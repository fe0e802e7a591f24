// A connection is open until its last number is gone, whichever way that goes: close, dup2 over it, close_range, and not by shutdown.
// `open` is right at each step, `lifetime` has each connection once, and nothing is left at the end.
// Source: src/engine/op/measure.rs; SEMANTICS "fds and processes".
//
// env: NETDEADLINE_RULES="to 127.0.0.2 read=1h"
// env: NETDEADLINE_RULES="to 127.0.0.2 response=1h lifetime=1h"
#include "stats_page.h"
#include <sys/sendfile.h>

static struct sockaddr_in at;
static int listener;

static uint64_t opened(void) { return st_to(st_own_page(), &at)->open; }
static int dial(void) {
    int fd = nd_connect(&at);
    nd_raw_close(nd_raw_accept(listener));
    return fd;
}

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    listener = st_listener(2, 8, &at);
    int null = MUST(open("/dev/null", O_RDWR | O_CLOEXEC));

    int first = dial(), second = dial();
    CHECK_EQ(opened(), 2);
    int twin = MUST(dup(first)), third = MUST(fcntl(first, F_DUPFD_CLOEXEC, 100));
    CHECK_EQ(opened(), 2);
    close(first);
    CHECK_EQ(opened(), 2);
    MUST(dup2(null, twin));
    CHECK_EQ(opened(), 2);
    MUST(dup3(second, third, O_CLOEXEC));
    CHECK_EQ(opened(), 1);
    close(second);
    CHECK_EQ(opened(), 1);
    MUST(shutdown(third, SHUT_RDWR));
    CHECK_EQ(opened(), 1);
    MUST(dup2(third, third));
    CHECK_EQ(opened(), 1);
    MUST(close_range(90, 110, 0));
    CHECK_EQ(opened(), 0);
    CHECK_WAITS(st_to(st_own_page(), &at), ST_LIFETIME, .ended = 2);

    // A request under way goes with its socket.
    first = dial();
    CHECK_EQ(send(first, "ask", 3, MSG_NOSIGNAL), 3);
    CHECK_GAUGES(st_to(st_own_page(), &at), 1, 0, 1);
    twin = MUST(dup(first));
    close(first);
    CHECK_GAUGES(st_to(st_own_page(), &at), 1, 0, 1);
    close(twin);
    CHECK_GAUGES(st_to(st_own_page(), &at), 0, 0, 0);
    CHECK_WAITS(st_to(st_own_page(), &at), ST_RESPONSE, .abandoned = 1);

    // What is dissolved is no connection any more, and may become another one.
    first = dial();
    CHECK_EQ(opened(), 1);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    MUST(connect(first, &none, sizeof none));
    CHECK_EQ(opened(), 0);
    MUST(connect(first, (struct sockaddr *)&at, sizeof at));
    nd_raw_close(nd_raw_accept(listener));
    CHECK_EQ(opened(), 1);
    CHECK_ERRNO(connect(first, (struct sockaddr *)&at, sizeof at), EISCONN);
    CHECK_EQ(opened(), 1);
    close(first);
    const struct st_destination *place = st_to(st_own_page(), &at);
    CHECK_GAUGES(place, 0, 0, 0);
    CHECK_EQ(place->connections, 5);
    CHECK_WAITS(place, ST_LIFETIME, .ended = 5);
    CHECK_WAITS(place, ST_CONNECT, .ended = 5);
    CHECK_EQ(st_places(st_own_page()), 1);
    return 0;
}
