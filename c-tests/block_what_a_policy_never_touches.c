// A policy for everything is for TCP that this program connected. Unix sockets, datagrams, pipes, ttys, eventfds, listeners
// and accepted connections wait as long as they like; files are read and written as ever.
// Source: SEMANTICS "Classes": `to *` leaves unix sockets alone, ... "Pipes, files, ttys: never touched".
//
// native: yes
// env: none
// env: NETDEADLINE_READ=200ms NETDEADLINE_WRITE=200ms NETDEADLINE_RESPONSE=200ms NETDEADLINE_LIFETIME=200ms NETDEADLINE_CONNECT=200ms
// env: NETDEADLINE_RULES="to * read=200ms write=200ms response=200ms lifetime=200ms"
#include "nd_test.h"
#include <sys/eventfd.h>

struct quiet {
    const char *what;
    int fd, other;
    struct nd_thread thread;
};
static void *reads_late(void *argument) {
    struct quiet *quiet = argument;
    char bytes[16];
    errno = 4242;
    ssize_t got = read(quiet->fd, bytes, sizeof bytes);
    if (got <= 0) FAIL("%s: read is %zd, errno %d %s", quiet->what, got, errno, strerror(errno));
    if (errno != 4242) FAIL("%s: errno changed", quiet->what);
    return NULL;
}
static void *accepts_late(void *argument) {
    int fd = accept(*(int *)argument, NULL, NULL);
    if (fd < 0) FAIL("accept: %s", strerror(errno));
    return NULL;
}

int main(void) {
    struct quiet all[9];
    int n = 0, ends[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    all[n++] = (struct quiet){.what = "unix pair", .fd = ends[0], .other = ends[1]};
    struct nd_pair named = nd_unix_pair("named.sock");
    all[n++] = (struct quiet){.what = "unix stream", .fd = named.client, .other = named.peer};
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
    all[n++] = (struct quiet){.what = "unix datagrams", .fd = ends[0], .other = ends[1]};
    MUST(pipe(ends));
    all[n++] = (struct quiet){.what = "pipe", .fd = ends[0], .other = ends[1]};
    MUST(mkfifo("fifo", 0600));
    int fifo = MUST(open("fifo", O_RDWR));
    all[n++] = (struct quiet){.what = "fifo", .fd = fifo, .other = fifo};
    int event = MUST(eventfd(0, 0));
    all[n++] = (struct quiet){.what = "eventfd", .fd = event, .other = event};
    int master = MUST(posix_openpt(O_RDWR | O_NOCTTY));
    MUST(grantpt(master));
    MUST(unlockpt(master));
    int terminal = MUST(open(ptsname(master), O_RDWR | O_NOCTTY));
    all[n++] = (struct quiet){.what = "tty", .fd = terminal, .other = master};

    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int udp = MUST(socket(AF_INET, SOCK_DGRAM, 0)), from = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    MUST(bind(from, (struct sockaddr *)&at, sizeof at));
    MUST(getsockname(from, (struct sockaddr *)&at, &size));
    MUST(connect(udp, (struct sockaddr *)&at, sizeof at));
    struct sockaddr_in back = {.sin_family = AF_INET};
    MUST(getsockname(udp, (struct sockaddr *)&back, &size));
    MUST(connect(from, (struct sockaddr *)&back, sizeof back));
    all[n++] = (struct quiet){.what = "udp", .fd = udp, .other = from};

    int listener = nd_listener(4, &at);
    int client = (int)nd_raw(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0);
    MUST(-nd_raw(SYS_connect, client, (long)&at, sizeof at, 0, 0, 0));
    int served = MUST(accept(listener, NULL, NULL));
    all[n++] = (struct quiet){.what = "accepted TCP", .fd = served, .other = client};

    for (int i = 0; i < n; i++) all[i].thread = nd_start(reads_late, &all[i]);
    struct nd_thread server = nd_start(accepts_late, &listener);
    nd_sleep(1 * SEC);
    for (int i = 0; i < n; i++) {
        // 8 bytes for the eventfd, a line for the tty.
        if (nd_raw_write(all[i].other, "\1\0\0\0\0\0\0\n", 8) != 8) FAIL("write to %s", all[i].what);
    }
    int late = (int)nd_raw(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0);
    MUST(-nd_raw(SYS_connect, late, (long)&at, sizeof at, 0, 0, 0));
    for (int i = 0; i < n; i++) nd_join(all[i].thread, 5 * SEC);
    nd_join(server, 5 * SEC);

    char bytes[8];
    int file = MUST(open("file", O_RDWR | O_CREAT, 0600));
    CHECK_EQ(write(file, "abc", 3), 3);
    CHECK_EQ(pread(file, bytes, 8, 1), 2);
    MUST(lseek(file, 0, SEEK_SET));
    CHECK_EQ(read(file, bytes, 8), 3);
    CHECK_EQ(read(file, bytes, 8), 0);
    CHECK_NO_RECORDS();
    return 0;
}
