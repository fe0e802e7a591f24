// A listening socket with a deadline: each of the seven waits reports it ready at the instant, accept answers ETIMEDOUT as long as
// it is past, even with a connection in the queue, which is there untouched when it is cleared. The accepted socket inherits no
// deadline.
// Source: FACTS "Go's deadline contract": a listener's deadline bounds Accept and is not inherited.
//
// api: yes
#include "apin_wait.h"

static void bounded(enum nb_way way, int listener, int (*dial)(const struct sockaddr_in *), struct sockaddr_in *at) {
    struct nb_waiter waiter = nb_waiter(way, listener, POLLIN);
    int64_t start = nd_now(), read_deadline = -1, write_deadline = -1;
    char byte;
    CHECK_EQ(nd_set_deadline(listener, start + 30 * MS), 0);
    CHECK_ERRNO(io_accept(listener, NULL, NULL), EAGAIN);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
    CHECK_ENDED_AT(start, 30 * MS);
    CHECK_ERRNO(io_accept(listener, NULL, NULL), ETIMEDOUT);
    int client = dial(at);
    CHECK(nd_somebody_connects(listener, 3 * SEC));
    CHECK_EQ(nd_raw_write(client, "hello", 5), 5);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ERRNO(io_accept(listener, NULL, NULL), ETIMEDOUT);
    }
    CHECK_EQ(nd_set_deadline(listener, nd_now() + 60 * SEC), 0);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
    struct nd_pair pair = {.peer = client, .client = MUST(io_accept(listener, NULL, NULL))};
    CHECK_ERRNO(io_accept(listener, NULL, NULL), EAGAIN);
    CHECK_QUIET(&waiter, 5);
    CHECK_EQ(nd_get_deadlines(pair.client, &read_deadline, &write_deadline), 0);
    CHECK_EQ(read_deadline, 0);
    CHECK_EQ(write_deadline, 0);
    CHECK_EQ(nd_set_deadline(listener, 1), 0);
    CHECK_EQ(io_read(pair.client, &byte, 1), 1);
    nd_nonblocking(pair.client);
    apin_read_all(pair.client, "ello", 4);
    api_close(&pair);
    nb_done(&waiter);
}
static int dial_tcp(const struct sockaddr_in *at) {
    int fd = (int)nd_raw(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    MUST(-nd_raw(SYS_connect, fd, (long)at, sizeof *at, 0, 0, 0));
    return fd;
}
static int dial_unix(const struct sockaddr_in *at) {
    struct sockaddr_un local;
    socklen_t size = nd_unix_address(&local, "listener");
    int fd = (int)nd_raw(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    (void)at;
    MUST(-nd_raw(SYS_connect, fd, (long)&local, size, 0, 0, 0));
    return fd;
}

int main(void) {
    struct sockaddr_in at;
    int tcp = nd_listener(4, &at), local = nd_unix_listener("listener", 4);
    nd_nonblocking(tcp);
    nd_nonblocking(local);
    APIN_EACH_WAY(way) {
        bounded(way, tcp, dial_tcp, &at);
        bounded(way, local, dial_unix, &at);
    }
    return 0;
}
