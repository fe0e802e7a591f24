// Lengths beyond anything, negative ones as unsigned, and arrays longer than the process may have descriptors are answered as the
// kernel answers them, with and without a deadline.
// Source: read(2), NOTES (0x7ffff000); poll(2), EINVAL; connect(2), EINVAL.
//
// api: yes
#include "apin_bad.h"

static void lengths(struct nd_pair *pair, const char *name) {
    static const size_t huge[] = {SIZE_MAX, SIZE_MAX - 4096, (size_t)INT64_MAX, (size_t)INT64_MAX + 1, (size_t)1 << 40, 0x7ffff000,
                                  (size_t)UINT32_MAX};
    char bytes[64];
    apin_say(name);
    for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
        // Linux's read looks at the length first (EFAULT), its recv shortens it: a read that is a recv answers as that.
        long want = nd_raw(SYS_recvfrom, pair->client, (long)bytes, (long)huge[i], 0, 0, 0);
        long other = nd_raw(SYS_read, pair->client, (long)bytes, (long)huge[i], 0, 0, 0);
        CHECK_ERRNO(nd_recv(pair->client, bytes, huge[i], 0), (int)-want);
        CHECK_EQ(nd_read(pair->client, bytes, huge[i]), -1);
        CHECK(errno == -want || errno == -other);
        // What is there comes, or stays.
        apin_arrive(pair, "abcd", 4);
        errno = 0;
        ssize_t got = nd_read(pair->client, bytes, huge[i]);
        if (got < 0) {
            CHECK_EQ(errno, EFAULT);
            apin_read_all(pair->client, "abcd", 4);
        } else {
            CHECK_EQ(got, 4);
            CHECK(!memcmp(bytes, "abcd", 4));
        }
        // There is no such buffer, and the kernel sees it before it takes a byte.
        want = nd_raw_write(pair->client, bytes, huge[i]);
        if (want < 0) CHECK_ERRNO(nd_write(pair->client, bytes, huge[i]), (int)-want);
        nd_drain(pair->peer);
    }
    static const socklen_t odd[] = {0, 1, 15, 129, INT32_MAX, UINT32_MAX, (socklen_t)INT32_MIN};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct sockaddr_storage at = {.ss_family = AF_INET};
        int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        long want = nd_raw(SYS_connect, fd, (long)&at, (long)odd[i], 0, 0, 0);
        if (want < 0 && odd[i] != 129) CHECK_ERRNO(nd_connect(fd, (struct sockaddr *)&at, odd[i]), (int)-want);
        close(fd);
    }
    struct pollfd entries[4] = {{.fd = pair->client, .events = POLLIN}};
    static const nfds_t many[] = {(nfds_t)1 << 20, (nfds_t)1 << 32, SIZE_MAX, SIZE_MAX / 8, (nfds_t)INT64_MAX};
    for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
        struct timespec none = {0};
        long want = nd_raw(SYS_ppoll, (long)entries, (long)many[i], (long)&none, 0, 8, 0);
        // 1 << 32 is 0 to the kernel, whose argument is an unsigned int.
        if (want < 0) CHECK_ERRNO(nd_poll(entries, many[i], 0), (int)-want);
        else CHECK_EQ(nd_poll(entries, many[i], 0), want);
        if (want < 0) CHECK_ERRNO(nd_poll(entries, many[i], 5), (int)-want);
    }
}

int main(void) {
    struct nd_pair tcp = apin_pair(API_TCP), local = apin_pair(API_UNIX);
    lengths(&tcp, "tcp");
    lengths(&local, "unix");
    CHECK_EQ(nd_set_deadline(tcp.client, nd_now() + 60 * SEC), 0);
    CHECK_EQ(nd_set_deadline(local.client, INT64_MAX), 0);
    lengths(&tcp, "tcp with a deadline");
    lengths(&local, "unix with a deadline");
    // A negative timeout of any size is no timeout: the deadline ends it.
    static const int endless[] = {-1, -2, -1000, INT32_MIN};
    for (int i = 0; i < 4; i++) {
        struct pollfd entry = {.fd = tcp.client, .events = POLLIN};
        int64_t when = nd_now() + 5 * MS;
        CHECK_EQ(nd_set_deadline(tcp.client, when), 0);
        CHECK_EQ(nd_poll(&entry, 1, endless[i]), 1);
        CHECK_JUST_AFTER(when);
        CHECK_EQ(nd_set_deadline(tcp.client, when + 10 * MS), 0);
        CHECK_EQ(nd_poll(&entry, 1, INT32_MAX), 1);
    }
    return 0;
}
