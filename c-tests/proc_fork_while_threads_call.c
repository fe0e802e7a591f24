// Forking while other threads are in the middle of connects, reads and first calls of everything never leaves a child that
// hangs: nothing of ours is locked.
// Source: SEMANTICS "fds and processes" (lock-free); TRAPS (fork while a symbol-binding lock is held).
//
// native: yes
// env: none
// env: NETDEADLINE_READ=20ms NETDEADLINE_CONNECT=2s NETDEADLINE_WRITE=1s
#include "nd_test.h"
#include <sys/epoll.h>

static volatile bool done;
static struct sockaddr_in at;
static void *busy(void *unused) {
    while (!done) {
        char byte;
        int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
        int set = MUST(epoll_create1(0));
        struct epoll_event event = {.events = EPOLLIN};
        connect(fd, (struct sockaddr *)&at, sizeof at);
        epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
        epoll_wait(set, &event, 1, 1);
        recv(fd, &byte, 1, MSG_DONTWAIT);
        close(MUST(dup(fd)));
        MUST(close(set));
        MUST(close(fd));
    }
    return unused;
}

int main(void) {
    int listener = nd_listener(128, &at);
    struct nd_thread threads[3];
    for (int i = 0; i < 3; i++) threads[i] = nd_start(busy, NULL);
    int64_t end = nd_now() + 2 * SEC;
    int forks = 0;
    while (nd_now() < end) {
        pid_t child = fork();
        if (!child) {
            int ends[2];
            char byte;
            if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) _exit(2);
            if (write(ends[0], "x", 1) != 1 || read(ends[1], &byte, 1) != 1) _exit(3);
            struct pollfd entry = {.fd = ends[0], .events = POLLIN};
            if (poll(&entry, 1, 1) != 0) _exit(4);
            int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
            connect(fd, (struct sockaddr *)&at, sizeof at);
            int set = epoll_create1(0);
            struct epoll_event event = {.events = EPOLLIN};
            if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event)) _exit(5);
            epoll_wait(set, &event, 1, 1);
            close(set);
            close(fd);
            _exit(0);
        }
        CHECK(child > 0);
        CHECK_CHILD_OK(child, 6 * SEC);
        forks++;
        // The listener blocks: take only what is there.
        struct pollfd entry = {.fd = listener, .events = POLLIN};
        struct timespec none = {0};
        while (nd_raw(SYS_ppoll, (long)&entry, 1, (long)&none, 0, 8, 0) > 0) nd_raw_close(nd_raw_accept(listener));
    }
    done = true;
    for (int i = 0; i < 3; i++) nd_join(threads[i], 8 * SEC);
    CHECK(forks > 20);
    return 0;
}
