// A read that was blocked when its number was closed and reused comes back with its bytes: that says nothing of the new socket,
// whose connect deadline still holds.
// Source: SEMANTICS "Blocking calls" (generation after every wait).
//
// env: NETDEADLINE_RULES="to 127.0.0.2 connect=500ms" LATE=1
// env: NETDEADLINE_RULES="to 127.0.0.2 connect=500ms" LATE=0
// cap: 12
#include "nb_wait.h"

static int old;
static void *reader(void *argument) {
    (void)argument;
    char byte;
    CHECK_EQ(read(old, &byte, 1), 1);
    return NULL;
}
int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    struct nd_hole hole = nd_black_hole();
    // The hole by an address that has a rule: 127.0.0.2 is loopback too, but the listener is bound to 127.0.0.1.
    close(hole.listener);
    int on = 1, listener = MUST(socket(AF_INET, SOCK_STREAM, 0));
    MUST(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002)};
    socklen_t size = sizeof at;
    MUST(bind(listener, (struct sockaddr *)&at, sizeof at));
    MUST(getsockname(listener, (struct sockaddr *)&at, &size));
    MUST(listen(listener, 0));
    for (int i = 0; i < 3; i++) {
        int fd = (int)nd_raw(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, 0, 0, 0);
        nd_raw(SYS_connect, fd, (long)&at, sizeof at, 0, 0, 0);
    }
    nd_sleep(100 * MS);
    old = pair.client;
    nd_set_timeout(old, SO_RCVTIMEO, 10 * SEC);
    struct nd_thread thread = nd_start(reader, NULL);
    nd_sleep(100 * MS);
    close(old);
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    CHECK_EQ(fd, old);
    int64_t start = nd_now();
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&at, sizeof at), EINPROGRESS);
    if (*getenv("LATE") == '1') {
        nd_raw_write(pair.peer, "!", 1);
        nd_join(thread, 2 * SEC);
    }
    struct pollfd entry = {.fd = fd, .events = POLLOUT};
    CHECK_EQ(poll(&entry, 1, 4000), 1);
    CHECK_ENDED_AT(start, 500 * MS);
    return 0;
}
