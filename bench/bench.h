// What the programs of this directory share: clocks, libc's own functions, and TCP connections over loopback.
//
// What is measured goes through the names that a preload may replace; everything around it goes through `own`, which is
// libc's own function whatever is preloaded. No figure is made here.
#ifndef ND_BENCH_H
#define ND_BENCH_H

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static struct {
    ssize_t (*read)(int, void *, size_t);
    ssize_t (*write)(int, const void *, size_t);
    ssize_t (*recv)(int, void *, size_t, int);
    ssize_t (*send)(int, const void *, size_t, int);
    int (*close)(int);
    int (*accept)(int, struct sockaddr *, socklen_t *);
} own;

#define DIE(...)                                                                                                               \
    do {                                                                                                                       \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                                                        \
        fprintf(stderr, __VA_ARGS__);                                                                                          \
        fprintf(stderr, " (%s)\n", strerror(errno));                                                                           \
        exit(2);                                                                                                               \
    } while (0)
#define MUST(call)                                                                                                             \
    ({                                                                                                                         \
        __typeof__(call) must_ = (call);                                                                                       \
        if (must_ < 0) DIE("%s", #call);                                                                                       \
        must_;                                                                                                                 \
    })

static void *own_symbol(void *libc, const char *name)
{
    void *found = dlsym(libc, name);
    if (!found) DIE("no %s in libc", name);
    return found;
}

// A handle searches that library alone, so a preload is never found by it.
static void own_functions(void)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    if (!libc) libc = dlopen("libc.so", RTLD_NOW | RTLD_NOLOAD);
    if (!libc) DIE("libc is not loaded");
    *(void **)&own.read = own_symbol(libc, "read");
    *(void **)&own.write = own_symbol(libc, "write");
    *(void **)&own.recv = own_symbol(libc, "recv");
    *(void **)&own.send = own_symbol(libc, "send");
    *(void **)&own.close = own_symbol(libc, "close");
    *(void **)&own.accept = own_symbol(libc, "accept");
}

static inline uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void sleep_until(uint64_t ns)
{
    struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {}
}

// As many descriptors as this user may have; the largest cases need 10,000 and some in each of two processes.
static inline void raise_limit(rlim_t wanted)
{
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_NOFILE, &limit));
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted) limit.rlim_max = wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit)) DIE("%lu descriptors are needed", (unsigned long)wanted);
}

static inline int listener(struct sockaddr_in *at)
{
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct linger reset = {.l_onoff = 1, .l_linger = 0}; // inherited: 10,000 closed connections leave no TIME_WAIT behind
    MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset));
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof *at;
    MUST(bind(fd, (struct sockaddr *)at, length));
    MUST(listen(fd, 4096));
    MUST(getsockname(fd, (struct sockaddr *)at, &length));
    return fd;
}

static inline int connected(const struct sockaddr_in *to)
{
    int one = 1, fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset));
    MUST(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    MUST(connect(fd, (const struct sockaddr *)to, sizeof *to));
    return fd;
}

static inline void set_nonblocking(int fd)
{
    MUST(fcntl(fd, F_SETFL, MUST(fcntl(fd, F_GETFL)) | O_NONBLOCK));
}

// `count` connections whose other ends a child process holds and never uses. The child ends with us.
static inline void silent_connections(int *fds, int count)
{
    struct sockaddr_in at;
    int at_fd = listener(&at);
    pid_t parent = getpid(), child = MUST(fork());
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        for (;;)
            if (own.accept(at_fd, NULL, NULL) < 0) _exit(1);
    }
    for (int i = 0; i < count; i++) fds[i] = connected(&at);
    own.close(at_fd);
}

#endif
