// A write that has sent something when its deadline comes returns how much, not before; the next fails with ETIMEDOUT.
// Exactly those bytes leave, and they are the first ones.
// Source: FACTS "Go's deadline contract" (write may return n > 0); SEMANTICS "Errno", explicit.
//
// api: yes
#include "api.h"

#define SIZE (16 << 20)
static unsigned char data[SIZE], got[1 << 16];

static long by_nd_write(int fd, char *byte) {
    (void)byte;
    return nd_write(fd, data, SIZE);
}
static long by_nd_send(int fd, char *byte) {
    (void)byte;
    return nd_send(fd, data, SIZE, 0);
}
#if API_INTERPOSED
static long by_write(int fd, char *byte) {
    (void)byte;
    return write(fd, data, SIZE);
}
static long by_writev(int fd, char *byte) {
    (void)byte;
    struct iovec parts[3] = {{data, 1000}, {data + 1000, SIZE / 2}, {data + 1000 + SIZE / 2, SIZE - SIZE / 2 - 1000}};
    return writev(fd, parts, 3);
}
static long by_send(int fd, char *byte) {
    (void)byte;
    return send(fd, data, SIZE, MSG_NOSIGNAL);
}
static long by_sendmsg(int fd, char *byte) {
    (void)byte;
    struct iovec part = {data, SIZE};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}
#endif
static const struct nd_call calls[] = {
    {"nd_write", by_nd_write}, {"nd_send", by_nd_send},
#if API_INTERPOSED
    {"write", by_write},       {"writev", by_writev},   {"send", by_send}, {"sendmsg", by_sendmsg},
#endif
};

static void once(enum api_kind kind, const struct nd_call *call) {
    struct nd_pair pair = api_pair(kind);
    if (kind == API_TCP) nd_small_buffers(&pair);
    int64_t when = nd_now() + 100 * MS;
    CHECK_EQ(nd_set_write_deadline(pair.client, when), 0);
    long sent = call->make(pair.client, NULL);
    if (sent <= 0 || sent >= SIZE) FAIL("%s on %s is %ld: %s", call->name, api_kinds[kind], sent, strerror(errno));
    CHECK_JUST_AFTER(when);
    CHECK_PAST(call->make(pair.client, NULL));

    long total = 0;
    struct pollfd entry = {.fd = pair.peer, .events = POLLIN};
    struct timespec wait = {.tv_sec = 0, .tv_nsec = 60 * MS};
    int64_t end = nd_now() + 20 * SEC;
    for (int quiet = 0; quiet < 2 && nd_now() < end;) {
        long part = api_peer_got(pair.peer, got, sizeof got);
        if (part > 0) {
            for (long i = 0; i < part; i++)
                if (total + i >= SIZE || got[i] != data[total + i]) FAIL("byte %ld is not what was written", total + i);
            total += part;
            continue;
        }
        CHECK_EQ(part, -EAGAIN);
        // What was sent may be on its way; once all has come, nothing may follow.
        nd_raw(SYS_ppoll, (long)&entry, 1, (long)&(struct timespec){wait.tv_sec, wait.tv_nsec}, 0, 8, 0);
        if (total >= sent) quiet++;
    }
    CHECK_EQ(total, sent);
    // There is room again, the deadline holds; without it the write goes on.
    CHECK_PAST(call->make(pair.client, NULL));
    CHECK_EQ(nd_set_write_deadline(pair.client, 0), 0);
    CHECK_EQ(io_write(pair.client, "w", 1), 1);
    api_close(&pair);
}

int main(void) {
    for (size_t i = 0; i < SIZE; i++) data[i] = (unsigned char)(i * 2654435761u >> 13);
    for (enum api_kind kind = API_TCP; kind <= API_UNIX; kind++)
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) once(kind, &calls[i]);
    return 0;
}
