// Sends a known sequence of bytes to a peer that echoes, reads the echo at the same time and compares every byte. Interrupted
// calls are made again and short ones continued: what a careful program does. Any other error is printed and ends it.
//
// usage: transfer PORT BYTES threads|poll|epoll|select
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

static int fd, set = -1;
static size_t total, sent, received;
static unsigned char block[16384];

static void fail(const char *what)
{
    printf("%s: %s\n", what, strerrorname_np(errno));
    exit(1);
}

// The byte at a place of the sequence: no period that a lost or doubled block would fit.
static unsigned char byte_at(size_t place)
{
    return (unsigned char)((place * 2654435761u) >> 13) ^ (unsigned char)place;
}

static int later(void)
{
    return errno == EINTR || errno == EAGAIN;
}

static void send_some(void)
{
    size_t length = total - sent < sizeof block ? total - sent : sizeof block;
    static unsigned char out[sizeof block];
    for (size_t i = 0; i < length; i++)
        out[i] = byte_at(sent + i);
    ssize_t done = write(fd, out, length);
    if (done < 0 && !later())
        fail("write");
    if (done > 0)
        sent += (size_t)done;
}

static void receive_some(void)
{
    ssize_t got = read(fd, block, sizeof block);
    if (got == 0) {
        printf("end after %zu of %zu bytes\n", received, total);
        exit(1);
    }
    if (got < 0 && !later())
        fail("read");
    for (ssize_t i = 0; i < got; i++, received++)
        if (block[i] != byte_at(received)) {
            printf("another byte at %zu\n", received);
            exit(1);
        }
}

static void *send_all(void *unused)
{
    while (sent < total)
        send_some();
    return unused;
}

// Wait for room (while there is something to send) or bytes, the way `how` names; then do what can be done.
static void turn(const char *how)
{
    int readable = 0, writable = 0, ready, want_room = sent < total;
    if (!strcmp(how, "poll")) {
        struct pollfd entry = {.fd = fd, .events = POLLIN | (want_room ? POLLOUT : 0)};
        ready = poll(&entry, 1, -1);
        readable = entry.revents & ~POLLOUT, writable = entry.revents & POLLOUT;
    } else if (!strcmp(how, "select")) {
        fd_set in, out;
        FD_ZERO(&in);
        FD_ZERO(&out);
        FD_SET(fd, &in);
        if (want_room)
            FD_SET(fd, &out);
        ready = select(fd + 1, &in, &out, NULL, NULL);
        readable = FD_ISSET(fd, &in), writable = FD_ISSET(fd, &out);
    } else {
        struct epoll_event event = {.events = EPOLLIN | (want_room ? EPOLLOUT : 0)};
        if (set < 0 && (set = epoll_create1(0)) >= 0)
            epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
        if (epoll_ctl(set, EPOLL_CTL_MOD, fd, &event) < 0)
            fail("epoll_ctl");
        ready = epoll_wait(set, &event, 1, -1);
        readable = event.events & ~(unsigned)EPOLLOUT, writable = event.events & EPOLLOUT;
    }
    if (ready < 0 && errno != EINTR)
        fail(how);
    if (ready > 0 && readable)
        receive_some();
    if (ready > 0 && writable && want_room)
        send_some();
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 3;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((unsigned short)atoi(argv[1]))};
    total = (size_t)atol(argv[2]);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail("connect");
    if (!strcmp(argv[3], "threads")) {
        pthread_t sender;
        if (pthread_create(&sender, NULL, send_all, NULL))
            return 3;
        while (received < total)
            receive_some();
        pthread_join(sender, NULL);
    } else {
        fcntl(fd, F_SETFL, O_NONBLOCK);
        while (received < total)
            turn(argv[3]);
    }
    printf("all %zu bytes\n", received);
    return 0;
}
