// A program that gives up its own connect just when ours expires, and opens another connection that gets the same number, keeps
// that connection: the abort of the expired attempt must not meet it.
// Source: SEMANTICS "Non-blocking sockets" 5 ("check the generation"), 7.
//
// env: NETDEADLINE_RULES="to 127.0.0.2 connect=20ms"
// cap: 60
#include "nb_wait.h"

enum { ROUNDS = 1500 };
static int set, stop;
static void *waiter(void *argument) {
    (void)argument;
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        struct epoll_event event;
        struct timespec time = {0, 200 * MS};
        epoll_pwait2(set, &event, 1, &time, NULL);
    }
    return NULL;
}
int main(void) {
    int listener = MUST(socket(AF_INET, SOCK_STREAM, 0)), broken = 0, met = 0;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002)}, good;
    socklen_t size = sizeof at;
    MUST(bind(listener, (struct sockaddr *)&at, sizeof at));
    MUST(getsockname(listener, (struct sockaddr *)&at, &size));
    MUST(listen(listener, 0));
    for (int i = 0; i < 3; i++) {
        int fd = (int)nd_raw(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0, 0, 0, 0);
        nd_raw(SYS_connect, fd, (long)&at, sizeof at, 0, 0, 0);
    }
    int server = nd_listener(64, &good);
    set = nb_set();
    struct nd_thread thread = nd_start(waiter, NULL);
    nd_sleep(50 * MS);
    for (int i = 0; i < ROUNDS; i++) {
        int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        int64_t start = nd_now();
        if (connect(fd, (struct sockaddr *)&at, sizeof at) != -1 || errno != EINPROGRESS) FAIL("connect");
        nb_add(set, fd, EPOLLOUT);
        // Somewhere between 20.00 and 20.20 ms.
        int64_t until = start + 20 * MS + (i % 40) * 6000;
        nd_sleep(until - nd_now() - 60000);
        while (nd_now() < until) {}
        close(fd);
        int again = (int)nd_raw(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0);
        long failed = nd_raw(SYS_connect, again, (long)&good, sizeof good, 0, 0, 0);
        if (failed) FAIL("%d %d %ld", fd, again, failed);
        met += again == fd;
        int peer = nd_raw_accept(server);
        nd_sleep(MS / 4);
        if (nd_tcp_state(again) != TCP_ESTABLISHED) {
            broken++;
            fprintf(stderr, "round %d: state %d\n", i, nd_tcp_state(again));
        }
        nd_raw_close(peer);
        nd_raw_close(again);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    nd_join(thread, 5 * SEC);
    fprintf(stderr, "%d of %d strangers were disconnected\n", broken, met);
    CHECK_EQ(broken, 0);
    return 0;
}
