// A signal handler may open, connect, read, write and close sockets whatever it interrupted, our own code included: a
// shower of such signals neither hangs nor breaks anything.
// Source: signal-safety(7); SEMANTICS "fds and processes"; TRAPS (Onload, VPP).
//
// native: yes
// env: none
// env: NETDEADLINE_READ=20ms NETDEADLINE_WRITE=20ms NETDEADLINE_CONNECT=1s NETDEADLINE_LIFETIME=1h
#include "nd_test.h"
#include <sys/time.h>

static struct sockaddr_in at;
static int listener;
static volatile sig_atomic_t handled;
static volatile bool done;

static void in_handler(int number) {
    int saved = errno, ends[2];
    char byte;
    (void)number;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0) {
        if (write(ends[0], "h", 1) != 1 || read(ends[1], &byte, 1) != 1) _exit(3);
        close(ends[0]);
        close(ends[1]);
    }
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0) {
        struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT};
        recv(fd, &byte, 1, MSG_DONTWAIT);
        if (poll(&entry, 1, 0) != 1) _exit(5);
        int copy = dup(fd);
        if (copy >= 0) close(copy);
    }
    if (fd >= 0) close(fd);
    handled = handled + 1;
    errno = saved;
}
static void *accepts(void *unused) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (!done) {
        struct timespec wait = {.tv_nsec = 20 * MS};
        struct pollfd entry = {.fd = listener, .events = POLLIN};
        if (nd_raw(SYS_ppoll, (long)&entry, 1, (long)&wait, 0, 8, 0) > 0) {
            long fd = nd_raw(SYS_accept4, listener, 0, 0, SOCK_NONBLOCK, 0, 0);
            // A little later, so that the handler does not see its end.
            if (fd >= 0) {
                nd_raw(SYS_fcntl, fd, F_DUPFD, 300 + fd % 200, 0, 0, 0);
                nd_raw_close((int)fd);
                static int held = 0;
                if (++held % 64 == 0) nd_raw(SYS_close_range, 300, 10000, 0, 0, 0, 0);
            }
        }
    }
    return unused;
}

int main(void) {
    listener = nd_listener(128, &at);
    struct nd_thread server = nd_start(accepts, NULL);
    struct sigaction action = {.sa_handler = in_handler, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    struct nd_pair pair = nd_tcp_pair();
    struct itimerval often = {{.tv_usec = 1500}, {.tv_usec = 1500}}, never = {0};
    setitimer(ITIMER_REAL, &often, NULL);
    int64_t end = nd_now() + 2 * SEC;
    long rounds = 0;
    while (nd_now() < end) {
        char byte;
        struct pollfd entry = {.fd = pair.client, .events = POLLIN};
        int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
        if (connect(fd, (struct sockaddr *)&pair.at, sizeof pair.at) == 0) FAIL("nobody listens there");
        if (write(pair.client, "r", 1) != 1) FAIL("write: %s", strerror(errno));
        if (nd_raw_read(pair.peer, &byte, 1) != 1) FAIL("the peer got nothing");
        if (nd_raw_write(pair.peer, "a", 1) != 1) FAIL("the peer sent nothing");
        if (read(pair.client, &byte, 1) != 1) FAIL("read: %s", strerror(errno));
        poll(&entry, 1, 1);
        int copy = MUST(dup(fd));
        MUST(close(fd));
        MUST(close(copy));
        rounds++;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    done = true;
    nd_join(server, 5 * SEC);
    if (handled < 100 || rounds < 20) FAIL("%d handlers, %ld rounds", (int)handled, rounds);
    return 0;
}
