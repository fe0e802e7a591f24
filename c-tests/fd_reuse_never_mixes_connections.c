// Under a storm of closing and connecting, no thread ever reads a byte that was meant for another connection: each byte
// that a read returns was sent on the connection that the reader opened.
// Source: SEMANTICS "Blocking calls" (generation); "Signal handlers may call read, write, close: the tables are lock-free".
//
// native: yes
// env: NETDEADLINE_READ=1ms
// env: NETDEADLINE_READ=50ms NETDEADLINE_WRITE=50ms NETDEADLINE_LIFETIME=100ms
#include "nd_test.h"

static struct sockaddr_in at;
static int listener;
static volatile bool done, nobody_left;
static volatile long reads, timeouts;

// Greets each client with 8 times the low byte of its port, now or a little later, until nobody is left.
static void *serves(void *unused) {
    unsigned turn = 0;
    while (!nobody_left) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        struct timespec wait = {.tv_nsec = 50 * MS};
        struct pollfd entry = {.fd = listener, .events = POLLIN};
        if (nd_raw(SYS_ppoll, (long)&entry, 1, (long)&wait, 0, 8, 0) <= 0) continue;
        long fd = nd_raw(SYS_accept4, listener, (long)&from, (long)&size, SOCK_CLOEXEC | SOCK_NONBLOCK, 0, 0);
        if (fd < 0) continue;
        unsigned char greeting[8];
        memset(greeting, ntohs(from.sin_port) & 255, 8);
        if (turn++ % 3 == 0) nd_sleep(1 * MS);
        if (turn % 4) nd_raw(SYS_sendto, fd, (long)greeting, 8, MSG_NOSIGNAL, 0, 0);
        nd_raw_close((int)fd);
    }
    return unused;
}
static void *comes_and_goes(void *unused) {
    while (!done) {
        struct sockaddr_in mine;
        socklen_t size = sizeof mine;
        unsigned char bytes[8];
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0) FAIL("socket: %s", strerror(errno));
        if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0) {
            MUST(getsockname(fd, (struct sockaddr *)&mine, &size));
            ssize_t got = read(fd, bytes, sizeof bytes);
            if (got < 0 && errno != ETIMEDOUT && errno != ECONNRESET) FAIL("read: %s", strerror(errno));
            if (got < 0 && errno == ETIMEDOUT) __atomic_add_fetch(&timeouts, 1, __ATOMIC_RELAXED);
            for (ssize_t i = 0; i < got; i++)
                if (bytes[i] != (ntohs(mine.sin_port) & 255)) FAIL("a byte of another connection");
            __atomic_add_fetch(&reads, 1, __ATOMIC_RELAXED);
        } else if (errno != ETIMEDOUT && errno != ECONNRESET && errno != EADDRNOTAVAIL) {
            FAIL("connect: %s", strerror(errno));
        }
        MUST(close(fd));
    }
    return unused;
}

int main(void) {
    struct nd_thread threads[10];
    listener = nd_listener(128, &at);
    for (int i = 0; i < 10; i++) threads[i] = nd_start(i < 2 ? serves : comes_and_goes, NULL);
    nd_sleep(2 * SEC);
    done = true;
    for (int i = 2; i < 10; i++) nd_join(threads[i], 8 * SEC);
    nobody_left = true;
    for (int i = 0; i < 2; i++) nd_join(threads[i], 8 * SEC);
    CHECK(reads > 100);
    return 0;
}
