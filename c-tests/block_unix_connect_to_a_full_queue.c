// A connect to a unix listener with a full queue blocks for ever. A rule that names the path ends it at its deadline; a
// rule for everything leaves it alone, and it succeeds when there is room.
// Source: SEMANTICS "Blocking calls", AF_UNIX connect; "Classes", `to *` leaves unix sockets alone; FACTS.
//
// native: yes
// env: NETDEADLINE_CONNECT=300ms
// env: NETDEADLINE_RULES="to unix:/tmp/nd-block-*.sock connect=300ms"
#include "nd_test.h"

static int listener;

static void *make_room(void *unused) {
    nd_sleep(1200 * MS);
    nd_raw_close(nd_raw_accept(listener));
    return unused;
}

int main(void) {
    char path[64];
    struct sockaddr_un at;
    snprintf(path, sizeof path, "/tmp/nd-block-%d.sock", (int)getpid());
    socklen_t size = nd_unix_address(&at, path);
    listener = nd_unix_listener(path, 0);
    int first = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    MUST(connect(first, (struct sockaddr *)&at, size));
    struct nd_thread server = nd_start(make_room, NULL);
    int fd = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
    int64_t start = nd_now();
    if (nd_shimmed() && getenv("NETDEADLINE_RULES")) {
        CHECK_ERRNO(connect(fd, (struct sockaddr *)&at, size), ETIMEDOUT);
        CHECK_ENDED_AT(start, 300 * MS);
        CHECK_RECORDS("connect", 1);
    } else {
        errno = 4242;
        CHECK_EQ(connect(fd, (struct sockaddr *)&at, size), 0);
        CHECK_EQ(errno, 4242);
        CHECK(nd_now() - start >= 1 * SEC);
        CHECK_NO_RECORDS();
    }
    CHECK_EQ(nd_kernel_timeout_ms(fd, SO_SNDTIMEO), 0);
    nd_join(server, 5 * SEC);
    unlink(path);
    return 0;
}
