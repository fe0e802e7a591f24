// Deadlines are for every kind of socket: netlink, raw, packet, seqpacket, a unix datagram socket that is bound to nothing, one that
// is not connected, one that listens. A set is a success and bounds the wait, or it is a clear error.
// Source: include/netdeadline.h, nd_set_read_deadline ("fd's socket").
//
// api: yes
#include "apin_bad.h"
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/ethernet.h>

static void bounded(const char *name, int fd, bool nonblocking) {
    int64_t when = nd_now() + 5 * MS;
    char byte;
    apin_say(name);
    if (nonblocking) nd_nonblocking(fd);
    CHECK_EQ(nd_set_read_deadline(fd, when), 0);
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    CHECK_EQ(nd_poll(&entry, 1, 20000), 1);
    CHECK_EQ(entry.revents & POLLIN, POLLIN);
    CHECK_ERRNO(io_recv(fd, &byte, 1, 0), ETIMEDOUT);
    CHECK_JUST_AFTER(when);
    CHECK_EQ(nd_set_read_deadline(fd, nd_now() + 60 * SEC), 0);
    CHECK_ERRNO(io_recv(fd, &byte, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(nd_close(fd), 0);
}

int main(void) {
    struct sockaddr_in at;
    int ends[2];
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        bounded("netlink", MUST(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)), nonblocking);
        int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd >= 0) bounded("packet", fd, nonblocking);
        fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
        if (fd >= 0) bounded("packet", fd, nonblocking);
        // A protocol nobody speaks.
        fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, 253);
        if (fd >= 0) bounded("raw", fd, nonblocking);
        MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
        bounded("seqpacket", ends[0], nonblocking);
        nd_raw_close(ends[1]);
        bounded("unix datagram", MUST(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)), nonblocking);
        bounded("udp", MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), nonblocking);
        bounded("udp6", MUST(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)), nonblocking);
    }
    // A listening one: reading from it is as ever an error, accept is what is bounded.
    int listener = nd_listener(1, &at);
    char byte;
    CHECK_EQ(nd_set_deadline(listener, nd_now() + 60 * SEC), 0);
    CHECK_ERRNO(nd_read(listener, &byte, 1), ENOTCONN);
    CHECK_EQ(nd_set_deadline(listener, 1), 0);
    CHECK_ERRNO(nd_accept(listener, NULL, NULL), ETIMEDOUT);
    // A TCP socket that is nothing yet: the kernel calls it hung up.
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK_EQ(nd_set_deadline(fd, nd_now() + 60 * SEC), 0);
    CHECK_ERRNO(nd_read(fd, &byte, 1), ENOTCONN);
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    CHECK_EQ(nd_poll(&entry, 1, 5000), 1);
    CHECK_EQ(entry.revents, POLLHUP);
    CHECK_EQ(nd_set_deadline(fd, 1), 0);
    CHECK_ERRNO(nd_read(fd, &byte, 1), ETIMEDOUT);
    return 0;
}
