// NULL where a struct is wanted is EFAULT and changes nothing; buffers, addresses and poll arrays that are not the program's are
// the kernel's to refuse, with and without a deadline, also where it expires: the answer is the one a direct call gives, never
// a crash.
// Source: include/netdeadline.h, "EFAULT"; STYLE "Unsafe": the kernel decides whether they are good.
//
// api: yes
#include "apin_bad.h"
#include <sys/mman.h>

static long page;
static void *bad[4];

// The library's answer is the kernel's.
#define CHECK_SAME(call, number, a, b, c, d)                                                                           \
    do {                                                                                                               \
        long nd_want = nd_raw((number), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0);                             \
        errno = 0;                                                                                                     \
        long nd_got = (long)(call);                                                                                    \
        if (nd_got != (nd_want < 0 ? -1 : nd_want) || (nd_want < 0 && errno != -nd_want))                              \
            FAIL("%s is %ld with %s, directly %ld (%s)", #call, nd_got, strerror(errno), nd_want,                      \
                 strerror(nd_want < 0 ? (int)-nd_want : 0));                                                           \
    } while (0)

static void structs(int fd) {
    struct nd_timeouts timeouts = {1, 2, 3, 4, 5}, before;
    int64_t reads = -1;
    CHECK_EQ(nd_set_timeouts(fd, &timeouts), 0);
    CHECK_ERRNO(nd_set_timeouts(fd, NULL), EFAULT);
    CHECK_ERRNO(nd_get_timeouts(fd, NULL), EFAULT);
    CHECK_ERRNO(nd_last_expiry(fd, NULL), EFAULT);
    CHECK_EQ(nd_get_timeouts(fd, &before), 0);
    CHECK(!memcmp(&timeouts, &before, sizeof before));
    CHECK_EQ(nd_get_deadlines(fd, NULL, NULL), 0);
    CHECK_EQ(nd_get_deadlines(fd, &reads, NULL), 0);
    CHECK_EQ(reads, 0);
    timeouts = (struct nd_timeouts){0};
    CHECK_EQ(nd_set_timeouts(fd, &timeouts), 0);
    CHECK_ERRNO(nd_last_expiry(fd, &apin_expiry), ENODATA);
}
static void buffers(struct nd_pair *pair) {
    int fd = pair->client;
    // Data that a bad buffer must not lose (the kernel keeps a stream's).
    apin_arrive(pair, "stays", 5);
    for (int i = 0; i < 4; i++) {
        CHECK_SAME(nd_read(fd, bad[i], 3), SYS_read, fd, bad[i], 3, 0);
        CHECK_SAME(nd_recv(fd, bad[i], 3, 0), SYS_recvfrom, fd, bad[i], 3, 0);
        if (i < 3) CHECK_SAME(nd_write(fd, bad[i], 3), SYS_write, fd, bad[i], 3, 0);
        if (i < 3) CHECK_SAME(nd_send(fd, bad[i], 3, 0), SYS_sendto, fd, bad[i], 3, 0);
        if (i < 3) CHECK_SAME(nd_connect(fd, bad[i], 16), SYS_connect, fd, bad[i], 16, 0);
        CHECK_SAME(nd_read(fd, bad[i], 0), SYS_read, fd, bad[i], 0, 0);
    }
    apin_read_all(fd, "stays", 5);
    for (int i = 0; i < 4; i++) CHECK_SAME(nd_read(fd, bad[i], 3), SYS_read, fd, bad[i], 3, 0);
}
static void arrays(int fd) {
    for (int i = 0; i < 4; i++) {
        CHECK_ERRNO(nd_poll(bad[i], 3, 0), EFAULT);
        CHECK_ERRNO(nd_poll(bad[i], 200, 5000), EFAULT);
        CHECK_SAME(nd_poll(bad[i], 0, 1), SYS_poll, bad[i], 0, 1, 0);
    }
    // One that begins well and ends in what is not there.
    CHECK_ERRNO(nd_poll(NULL, 1, -1), EFAULT);
    struct pollfd *whole = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(whole != MAP_FAILED);
    MUST(mprotect((char *)whole + page, (size_t)page, PROT_NONE));
    struct pollfd *last = (struct pollfd *)((char *)whole + page) - 2;
    last[0] = last[1] = (struct pollfd){.fd = fd, .events = POLLIN};
    CHECK_ERRNO(nd_poll(last, 3, 5000), EFAULT);
    CHECK_EQ(nd_set_deadline(fd, nd_now() + 5 * MS), 0);
    CHECK_EQ(nd_poll(last, 2, 5000), 2);
    CHECK_ERRNO(nd_poll(last, 3, 5000), EFAULT);
    MUST(mprotect(whole, (size_t)page, PROT_READ));
    // revents cannot be written.
    CHECK_ERRNO(nd_poll(last, 2, 5000), EFAULT);
    CHECK_EQ(nd_set_deadline(fd, nd_now() + 5 * MS), 0);
    CHECK_ERRNO(nd_poll(last, 2, 5000), EFAULT);
    CHECK_EQ(nd_set_deadline(fd, 0), 0);
    MUST(munmap(whole, 2 * (size_t)page));
}

int main(void) {
    page = sysconf(_SC_PAGESIZE);
    char *none = mmap(NULL, (size_t)page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *readable = mmap(NULL, (size_t)page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(none != MAP_FAILED && readable != MAP_FAILED);
    bad[0] = (void *)8;
    bad[1] = none;
    bad[2] = (void *)(UINTPTR_MAX - 4096);
    bad[3] = readable;
    struct nd_pair pair = apin_pair(API_TCP), fresh = apin_pair(API_UNIX);
    structs(fresh.client);
    buffers(&pair);
    CHECK_EQ(nd_set_deadline(pair.client, nd_now() + 60 * SEC), 0);
    buffers(&pair);
    // Past: nothing is even looked at, or the kernel's refusal.
    CHECK_EQ(nd_set_deadline(pair.client, 1), 0);
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(nd_read(pair.client, bad[i], 3), -1);
        CHECK(errno == ETIMEDOUT || errno == EFAULT);
        CHECK_EQ(nd_send(pair.client, bad[i], 3, 0), -1);
        CHECK(errno == ETIMEDOUT || errno == EFAULT);
    }
    arrays(fresh.client);
    // accept's address and its length.
    struct sockaddr_in at;
    int listener = nd_listener(4, &at);
    nd_nonblocking(listener);
    for (int i = 0; i < 4; i++) CHECK_ERRNO(nd_accept(listener, bad[i], bad[i]), EAGAIN);
    int client = nd_tcp_connect(&at);
    CHECK_ERRNO(nd_accept(listener, (struct sockaddr *)&at, bad[0]), EFAULT);
    close(client);
    return 0;
}
