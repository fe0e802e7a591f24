// A read on a silent peer, waited for as a simple program does or as an event loop does; interrupted calls are made again.
// Prints the errno's name and how many milliseconds it took: `ETIMEDOUT 301`. The test around it decides what is right.
//
// usage: bounded_read read|poll|epoll|memory
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void must(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(3);
    }
}

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

// A client socket whose server has it in its backlog and will never say anything.
static int silent_peer(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    must(listener >= 0 && client >= 0, "socket");
    must(bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, 1) == 0, "listen");
    must(getsockname(listener, (struct sockaddr *)&address, &length) == 0, "getsockname");
    must(connect(client, (struct sockaddr *)&address, length) == 0, "connect");
    return client;
}

static void wait_in_epoll(int client)
{
    struct epoll_event event = {.events = EPOLLIN};
    int set = epoll_create1(0);
    must(set >= 0 && fcntl(client, F_SETFL, O_NONBLOCK) == 0, "epoll_create1");
    must(epoll_ctl(set, EPOLL_CTL_ADD, client, &event) == 0, "epoll_ctl");
    int ready;
    do
        ready = epoll_wait(set, &event, 1, -1);
    while (ready < 0 && errno == EINTR);
    must(ready == 1, "epoll_wait");
}

static void wait_in_poll(int client)
{
    struct pollfd entry = {.fd = client, .events = POLLIN};
    int ready;
    must(fcntl(client, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    do
        ready = poll(&entry, 1, -1);
    while (ready < 0 && errno == EINTR);
    must(ready == 1, "poll");
}

// What `ulimit -v` counts, in KiB, and whether anything is mapped both writable and executable.
static void print_memory(void)
{
    char line[512];
    FILE *file = fopen("/proc/self/status", "r");
    must(file != NULL, "status");
    while (fgets(line, sizeof line, file))
        if (!strncmp(line, "VmPeak:", 7))
            printf("%s", line);
    fclose(file);
    file = fopen("/proc/self/maps", "r");
    must(file != NULL, "maps");
    while (fgets(line, sizeof line, file))
        if (strstr(line, " rwx"))
            printf("writable and executable: %s", line);
    fclose(file);
}

int main(int argc, char **argv)
{
    must(argc == 2, "usage");
    int client = silent_peer();
    if (!strcmp(argv[1], "memory")) {
        print_memory();
        return 0;
    }
    double start = milliseconds();
    if (!strcmp(argv[1], "epoll"))
        wait_in_epoll(client);
    if (!strcmp(argv[1], "poll"))
        wait_in_poll(client);
    char byte;
    ssize_t got;
    do
        got = read(client, &byte, 1);
    while (got < 0 && errno == EINTR);
    int error = got < 0 ? errno : 0;
    double took = milliseconds() - start;
    printf("%s %.3f\n", error == ETIMEDOUT ? "ETIMEDOUT" : error == ECONNRESET ? "ECONNRESET" : error ? strerror(error) : "no error", took);
    return 0;
}
