// A rule `on` bounds accepted sockets, on every road to accept, and leaves the client's end and the listener alone. Its read
// clock pauses between a completed read and the next write: the request is being worked on.
// Source: SEMANTICS "Classes" (accepted sockets), "Policy text".
//
// env: NETDEADLINE_RULES="on 127.0.0.0/8 read=300ms"
// env: NETDEADLINE_RULES="on 127.0.0.1:1-65535 read=300ms; to * read=off"
#include "fd_nd.h"

static int by_accept(int fd) { return accept(fd, NULL, NULL); }
static int by_accept4(int fd) { return accept4(fd, NULL, NULL, SOCK_CLOEXEC); }
static int by_address(int fd) {
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    return accept(fd, (struct sockaddr *)&from, &size);
}
static int by_syscall(int fd) { return (int)syscall(SYS_accept4, fd, NULL, NULL, 0); }
static int (*const ways[])(int) = {by_accept, by_accept4, by_address, by_syscall};

int main(void) {
    struct sockaddr_in at;
    int listener = nd_listener(8, &at), client = -1, served = -1;
    char byte;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        client = nd_connect(&at);
        errno = 4242;
        served = MUST(ways[i](listener));
        CHECK_EQ(errno, 4242);
        CHECK_READ_TIMES_OUT(served, 300 * MS);
    }
    CHECK_RECORDS("read", 4);
    CHECK_READ_WAITS(client, served, 900 * MS);
    // A request came and has not been answered: now it is the server that takes its time.
    CHECK_EQ(nd_raw_write(client, "q", 1), 1);
    CHECK_EQ(read(served, &byte, 1), 1);
    CHECK_READ_WAITS(served, client, 900 * MS);
    CHECK_EQ(write(served, "a", 1), 1);
    CHECK_READ_TIMES_OUT(served, 300 * MS);
    return 0;
}
