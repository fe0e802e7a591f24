// While a connect waits under a deadline nobody sees O_NONBLOCK on the socket: the description may be shared with another
// process or registered in an epoll set that relies on its flags.
// Source: SEMANTICS "Blocking calls", connect; TRAPS (proxychains-ng #151).
//
// env: NETDEADLINE_CONNECT=400ms
#include "nd_test.h"

static int fd;
static volatile bool done, seen;

static void *watch(void *unused) {
    while (!done)
        if (nd_raw(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0) & O_NONBLOCK) seen = true;
    return unused;
}

int main(void) {
    struct nd_hole hole = nd_black_hole();
    fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
    struct nd_thread watcher = nd_start(watch, NULL);
    for (int i = 0; i < 3; i++) CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), ETIMEDOUT);
    done = true;
    nd_join(watcher, 5 * SEC);
    CHECK(!seen);
    return 0;
}
