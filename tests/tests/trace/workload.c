/*
 * Connections of every outcome, as many of each as the arguments say, and what this program itself saw of them.
 *
 * Arguments: KIND/FAMILY/COUNT, such as refused/4/7 or half/6/11, in this order. Each connection that this end began prints a
 * line: KIND FAMILY LOCAL_PORT COOKIE NANOSECONDS, the last one from connect()'s begin until it stood or failed; behind that, where
 * nobody answered, what TCP_INFO says was sent again. The peers of
 * those that stand live in a thread of the same process. Nothing is judged here.
 *
 * burst is for their number: one line says the count in the port's place, and the time of all of them.
 *
 * FAR4_KIND and FAR6_KIND name addresses at which nobody listens: for timeout and givenup nothing comes back; for unreachable and
 * prohibited a router says so.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHECK(what) ((what) ? (void)0 : fail(#what, __LINE__))
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

static void fail(const char *what, int line) {
    fprintf(stderr, "workload.c:%d: %s: %s\n", line, what, strerror(errno));
    exit(99);
}

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

struct where {
    struct sockaddr_storage address;
    socklen_t length;
};

static struct where place(int family, const char *ip, int port) {
    struct where w = {.length = family == 4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6)};
    if (family == 4) {
        struct sockaddr_in *in = (void *)&w.address;
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        CHECK(inet_pton(AF_INET, ip, &in->sin_addr) == 1);
    } else {
        struct sockaddr_in6 *in = (void *)&w.address;
        in->sin6_family = AF_INET6;
        in->sin6_port = htons(port);
        CHECK(inet_pton(AF_INET6, ip, &in->sin6_addr) == 1);
    }
    return w;
}

static int port_of(int fd) {
    struct sockaddr_storage a;
    socklen_t length = sizeof a;
    CHECK(getsockname(fd, (void *)&a, &length) == 0);
    return ntohs(a.ss_family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port : ((struct sockaddr_in6 *)&a)->sin6_port);
}

static uint64_t cookie_of(int fd) {
    uint64_t cookie = 0;
    socklen_t length = sizeof cookie;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0);
    return cookie;
}

static int new_socket(int family) {
    int fd = socket(family == 4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    return fd;
}

static void break_off(int fd) {
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    CHECK(close(fd) == 0);
}

static void read_all(int fd, int wanted) {
    char bytes[64];
    int sum = 0, n;
    while (sum < wanted && (n = read(fd, bytes, sizeof bytes)) > 0)
        sum += n;
    CHECK(sum == wanted);
}

static void read_end(int fd) {
    char bytes[64];
    CHECK(read(fd, bytes, sizeof bytes) == 0);
}

/* What the accepting end does. Bytes: 5 in and 7 out where both talk, so that nothing can be mistaken for the other. */
struct server {
    int listener, count;
    const char *kind;
};

static void *serve(void *argument) {
    struct server *s = argument;
    if (!strcmp(s->kind, "slow"))
        usleep(400000);
    for (int i = 0; i < s->count; i++) {
        int fd = i % 2 ? accept(s->listener, 0, 0) : accept4(s->listener, 0, 0, SOCK_CLOEXEC);
        CHECK(fd >= 0);
        if (!strcmp(s->kind, "burst")) {
            /* Nothing to say: who comes next is waiting. */
        } else if (!strcmp(s->kind, "peer")) {
            CHECK(write(fd, "bye", 3) == 3);
        } else if (!strcmp(s->kind, "resetpeer")) {
            read_all(fd, 5);
            break_off(fd);
            continue;
        } else if (!strcmp(s->kind, "reset")) {
            char byte;
            CHECK(write(fd, "answers", 7) == 7);
            CHECK(read(fd, &byte, 1) == -1 && errno == ECONNRESET);
        } else if (!strcmp(s->kind, "half")) {
            read_all(fd, 5);
            read_end(fd);
            CHECK(write(fd, "thirteen byte", 13) == 13);
        } else {
            read_all(fd, 5);
            CHECK(write(fd, "answers", 7) == 7);
            read_end(fd);
        }
        CHECK(close(fd) == 0);
    }
    return 0;
}

static void said(const char *kind, int family, int port, uint64_t cookie, uint64_t took) {
    printf("%s %d %d %llu %llu\n", kind, family, port, (unsigned long long)cookie, (unsigned long long)took);
}

/* connect, as blocking code or as an event loop does it; the errno. */
static int reach(int fd, const struct where *to, int blocking, uint64_t *took) {
    uint64_t begin = now();
    int error = 0;
    if (!blocking)
        CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    if (connect(fd, (const void *)&to->address, to->length))
        error = errno;
    if (error == EINPROGRESS) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        socklen_t length = sizeof error;
        CHECK(poll(&p, 1, 30000) == 1);
        CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0);
    }
    *took = now() - begin;
    if (!blocking)
        CHECK(fcntl(fd, F_SETFL, 0) == 0);
    return error;
}

static void one(const char *kind, int family, const struct where *to, int blocking) {
    int fd = new_socket(family);
    uint64_t took, cookie = cookie_of(fd);
    int error = reach(fd, to, blocking, &took);
    int refused = !strcmp(kind, "refused"), unreachable = !strcmp(kind, "unreachable") || !strcmp(kind, "prohibited");
    if (refused || unreachable) {
        CHECK(refused ? error == ECONNREFUSED : error == EHOSTUNREACH || error == ENETUNREACH || error == EACCES);
        said(kind, family, 0, cookie, took);
        close(fd);
        return;
    }
    CHECK(error == 0);
    said(kind, family, port_of(fd), cookie, took);
    if (!strcmp(kind, "peer")) {
        read_all(fd, 3);
        read_end(fd);
    } else if (!strcmp(kind, "reset")) {
        read_all(fd, 7);
        break_off(fd);
        return;
    } else if (!strcmp(kind, "resetpeer")) {
        char byte;
        CHECK(write(fd, "hello", 5) == 5);
        CHECK(read(fd, &byte, 1) == -1 && errno == ECONNRESET);
    } else {
        CHECK(write(fd, "hello", 5) == 5);
        if (!strcmp(kind, "half"))
            CHECK(shutdown(fd, SHUT_WR) == 0);
        read_all(fd, !strcmp(kind, "half") ? 13 : 7);
        if (!strcmp(kind, "half"))
            read_end(fd);
    }
    CHECK(close(fd) == 0);
}

struct client {
    const char *kind;
    int family;
    struct where to;
};

static void *slowly(void *argument) {
    struct client *c = argument;
    one(c->kind, c->family, &c->to, 1);
    return 0;
}

/* Each blocks in a thread of its own. (Who does not block and is answered while connect() runs finds what IPv4 takes for a passing
 * error, by SO_ERROR, and closes a socket that is still trying.) */
static void at_once(const char *kind, int family, const struct where *to, int count) {
    pthread_t *all = calloc(count, sizeof *all);
    struct client c = {.kind = kind, .family = family, .to = *to};
    CHECK(all);
    for (int i = 0; i < count; i++)
        CHECK(pthread_create(&all[i], 0, slowly, &c) == 0);
    for (int i = 0; i < count; i++)
        pthread_join(all[i], 0);
    free(all);
}

/* As many as there can be, one after the other; without TIME_WAIT, which would use up the ports. One line says how long it took. */
static void burst(int family, const struct where *to, int count) {
    struct sched_param usual = {0};
    CHECK(sched_setscheduler(0, SCHED_OTHER, &usual) == 0);
    uint64_t begin = now();
    for (int i = 0; i < count; i++) {
        int fd = new_socket(family);
        char byte;
        CHECK(connect(fd, (const void *)&to->address, to->length) == 0);
        CHECK(read(fd, &byte, 1) == 0);
        break_off(fd);
    }
    said("burst", family, count, 0, now() - begin);
}

/* Nobody answers: all at once, since each waits for the kernel to give up. */
static void unanswered(const char *kind, int family, const struct where *to, int count) {
    struct pollfd *all = calloc(count, sizeof *all);
    uint64_t *begin = calloc(count, sizeof *begin);
    CHECK(all && begin);
    for (int i = 0; i < count; i++) {
        all[i] = (struct pollfd){.fd = new_socket(family), .events = POLLOUT};
        CHECK(fcntl(all[i].fd, F_SETFL, O_NONBLOCK) == 0);
        begin[i] = now();
        CHECK(connect(all[i].fd, (const void *)&to->address, to->length) == -1 && errno == EINPROGRESS);
    }
    if (!strcmp(kind, "givenup"))
        usleep(20000);
    for (int i = 0; i < count; i++) {
        int error = 0;
        socklen_t length = sizeof error;
        int port = port_of(all[i].fd);
        if (!strcmp(kind, "timeout")) {
            CHECK(poll(&all[i], 1, 60000) == 1);
            CHECK(getsockopt(all[i].fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0);
            CHECK(error == ETIMEDOUT);
        }
        uint64_t took = now() - begin[i];
        struct tcp_info info = {0};
        length = sizeof info;
        CHECK(getsockopt(all[i].fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0);
        printf("%s %d %d %llu %llu %u\n", kind, family, port, (unsigned long long)cookie_of(all[i].fd),
               (unsigned long long)took, info.tcpi_total_retrans);
        CHECK(close(all[i].fd) == 0);
    }
}

static void run(const char *kind, int family, int count) {
    const char *loopback = family == 4 ? "127.0.0.1" : "::1";
    struct where any = place(family, loopback, 0);
    char variable[48];
    snprintf(variable, sizeof variable, "FAR%d_%s", family, kind);
    const char *far = getenv(variable);
    if (far) {
        struct where to = place(family, far, 9);
        if (!strcmp(kind, "prohibited"))
            at_once(kind, family, &to, count);
        else if (!strcmp(kind, "unreachable"))
            for (int i = 0; i < count; i++)
                one(kind, family, &to, i % 2);
        else
            unanswered(kind, family, &to, count);
        return;
    }
    int listener = new_socket(family), refused = !strcmp(kind, "refused"), slow = !strcmp(kind, "slow");
    CHECK(bind(listener, (void *)&any.address, any.length) == 0);
    struct where to = place(family, loopback, port_of(listener));
    struct server s = {.listener = listener, .count = count, .kind = kind};
    pthread_t thread;
    if (!refused) {
        /* A queue of one: who comes when it is full is not answered, and asks again after a second. */
        CHECK(listen(listener, slow ? 0 : 128) == 0);
        CHECK(pthread_create(&thread, 0, serve, &s) == 0);
    }
    if (!strcmp(kind, "burst")) {
        burst(family, &to, count);
    } else if (slow) {
        at_once(kind, family, &to, count);
    } else {
        for (int i = 0; i < count; i++)
            one(kind, family, &to, i % 2);
    }
    if (!refused)
        pthread_join(thread, 0);
    close(listener);
}

int main(int count, char **words) {
    /* What this program measures is to be the kernel's time, and not that of those who want the same core. */
    struct sched_param first = {.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_RR, &first))
        fprintf(stderr, "no right to be scheduled first\n");
    setvbuf(stdout, 0, _IOLBF, 0);
    for (int i = 1; i < count; i++) {
        char kind[32];
        int family, number;
        CHECK(sscanf(words[i], "%31[a-z]/%d/%d", kind, &family, &number) == 3);
        run(kind, family, number);
    }
    return 0;
}
