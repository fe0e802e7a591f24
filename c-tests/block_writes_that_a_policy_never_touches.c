// Full pipes and full unix sockets hold a writer as long as they like under a policy for everything; an unconnected unix
// datagram sender to a full peer waits without spinning.
// Source: SEMANTICS "Classes"; "Blocking calls": poll says writable while send says EAGAIN.
//
// native: yes
// env: none
// env: NETDEADLINE_WRITE=200ms NETDEADLINE_READ=200ms
#include "nd_test.h"

static long fill_raw(int fd, size_t size) {
    static char block[65536];
    long total = 0, flags = nd_raw(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0), sent;
    nd_raw(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK, 0, 0, 0);
    while ((sent = nd_raw_write(fd, block, size)) > 0) total += sent;
    while ((sent = nd_raw_write(fd, block, 1)) > 0) total += sent;
    CHECK_EQ(sent, -EAGAIN);
    nd_raw(SYS_fcntl, fd, F_SETFL, flags, 0, 0, 0);
    return total;
}
static int fds[2], peers[2];
static struct sockaddr_un full_name;
static socklen_t full_size;
static void *writes(void *argument) {
    int fd = *(int *)argument;
    ssize_t sent = write(fd, "x", 1);
    if (sent != 1) FAIL("write is %zd, errno %d %s", sent, errno, strerror(errno));
    return NULL;
}
static void *sends(void *argument) {
    struct timespec used;
    ssize_t sent = sendto(*(int *)argument, "x", 1, 0, (struct sockaddr *)&full_name, full_size);
    if (sent != 1) FAIL("sendto is %zd, errno %d %s", sent, errno, strerror(errno));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    if (used.tv_sec || used.tv_nsec > 300 * MS) FAIL("%ld ms of processor time spent on waiting", used.tv_nsec / 1000000);
    return NULL;
}

int main(void) {
    int ends[2];
    static char drain[65536];
    MUST(pipe(ends));
    fds[0] = ends[1], peers[0] = ends[0];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    fds[1] = ends[1], peers[1] = ends[0];
    for (int i = 0; i < 2; i++) fill_raw(fds[i], 4096);

    full_size = nd_unix_address(&full_name, "full.sock");
    int receiver = MUST(socket(AF_UNIX, SOCK_DGRAM, 0)), sender = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
    MUST(bind(receiver, (struct sockaddr *)&full_name, full_size));
    for (long sent = 1; sent == 1;)
        sent = nd_raw(SYS_sendto, sender, (long)"x", 1, MSG_DONTWAIT, (long)&full_name, full_size);

    struct nd_thread threads[3];
    for (int i = 0; i < 2; i++) threads[i] = nd_start(writes, &fds[i]);
    threads[2] = nd_start(sends, &sender);
    nd_sleep(1 * SEC);
    // A unix socket is writable again when three quarters are free.
    for (int i = 0; i < 2; i++) {
        nd_raw(SYS_fcntl, peers[i], F_SETFL, O_RDWR | O_NONBLOCK, 0, 0, 0);
        CHECK(nd_raw_read(peers[i], drain, sizeof drain) > 0);
        while (nd_raw_read(peers[i], drain, sizeof drain) > 0) {}
    }
    CHECK_EQ(nd_raw_read(receiver, drain, sizeof drain), 1);
    for (int i = 0; i < 3; i++) nd_join(threads[i], 5 * SEC);
    CHECK_NO_RECORDS();
    return 0;
}
