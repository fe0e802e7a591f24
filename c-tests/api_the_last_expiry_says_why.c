// nd_last_expiry: ENODATA until something expired; then the class, who set the deadline, how long the operation had
// waited and what it had moved. It is that of the last one, and stays after the deadline is cleared.
// Source: include/netdeadline.h, nd_expiry.
//
// api: yes
// env: none
// env: NETDEADLINE_RULES="to 127.0.0.0/8 read=150ms write=1h connect=2h"
#include "api.h"

#define T (80 * MS)
static int64_t began;
// That there is one, of `which` and `source`, which waited for `least` or more, and ended at `from` or later.
static struct nd_expiry said(int fd, uint32_t which, uint32_t source, int64_t least, int64_t from) {
    struct nd_expiry why;
    memset(&why, 0x5a, sizeof why);
    int64_t now = nd_now();
    CHECK_EQ(nd_last_expiry(fd, &why), 0);
    CHECK_EQ(why.which, which);
    CHECK_EQ(why.source, source);
    CHECK(why.when >= from);
    CHECK(why.when <= now);
    CHECK(why.waited >= least);
    CHECK(why.waited <= now - began);
    CHECK_EQ(why.reserved[0] | why.reserved[1] | why.reserved[2], 0);
    return why;
}
static void nothing(int fd) {
    struct nd_expiry why;
    CHECK_ERRNO(nd_last_expiry(fd, &why), ENODATA);
}
static void deadlines(enum api_kind kind) {
    struct nd_pair pair = api_pair(kind);
    char byte;
    nothing(pair.client);
    CHECK_EQ(nd_raw_write(pair.peer, "d", 1), 1);
    CHECK_EQ(io_read(pair.client, &byte, 1), 1);
    nothing(pair.client);
    int64_t start = nd_now();
    CHECK_EQ(nd_set_deadline(pair.client, start + T), 0);
    // What it waits for is counted from the call on.
    int64_t call = nd_now();
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    int64_t least = start + T - call - 10 * MS;
    struct nd_expiry why = said(pair.client, ND_READ, ND_SOURCE_DEADLINE, least > 0 ? least : 0, start + T);
    CHECK_EQ(why.bytes, 0);
    if (kind != API_TCP) CHECK_EQ(why.rtt | why.retransmits, 0);
    if (kind == API_TCP) CHECK(why.rtt > 0);
    // Passed before it began.
    start = nd_now();
    CHECK_ERRNO(io_write(pair.client, "w", 1), ETIMEDOUT);
    why = said(pair.client, ND_WRITE, ND_SOURCE_DEADLINE, 0, start);
    CHECK_EQ(why.waited, 0);
    CHECK_EQ(why.bytes, 0);
    CHECK_EQ(nd_set_deadline(pair.client, 0), 0);
    said(pair.client, ND_WRITE, ND_SOURCE_DEADLINE, 0, start);
    // Another number of the same socket, and a scope.
    int copy = MUST(dup(pair.client));
    start = nd_now();
    int64_t scope = nd_scope_enter(start + T);
    CHECK(scope >= 0);
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_EQ(nd_scope_leave(scope), 0);
    said(copy, ND_READ, ND_SOURCE_SCOPE, 0, start + T);
    // Timeouts.
    start = nd_now();
    CHECK_EQ(nd_set_timeouts(copy, &(struct nd_timeouts){.read = T}), 0);
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    said(copy, ND_READ, ND_SOURCE_TIMEOUTS, T, start);
    io_close(copy);
    api_close(&pair);
    // The number used again has a past of its own.
    pair = api_pair(kind);
    nothing(pair.client);
    api_close(&pair);
}
static void classes(void) {
    struct nd_pair pair = api_pair(API_TCP), full = api_full_pair(API_TCP);
    struct nd_hole hole = nd_black_hole();
    struct sockaddr_in in;
    char byte;
    int listener = nd_listener(8, &in), fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct nd_timeouts all = {.connect = T, .response = T, .write = T, .read = SEC};
    int64_t start = nd_now();
    CHECK_EQ(nd_set_timeouts(fd, &all), 0);
    CHECK_EQ(nd_set_timeouts(full.client, &all), 0);
    CHECK_EQ(nd_set_timeouts(pair.client, &all), 0);
    CHECK_ERRNO(io_connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), ETIMEDOUT);
    said(fd, ND_CONNECT, ND_SOURCE_TIMEOUTS, T, start);
    CHECK_ERRNO(io_write(full.client, "w", 1), ETIMEDOUT);
    said(full.client, ND_WRITE, ND_SOURCE_TIMEOUTS, T, start);
    CHECK_EQ(io_write(pair.client, "w", 1), 1);
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    said(pair.client, ND_RESPONSE, ND_SOURCE_TIMEOUTS, T, start);
    CHECK_EQ(nd_set_timeouts(pair.client, &(struct nd_timeouts){.lifetime = T}), 0);
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    said(pair.client, ND_LIFETIME, ND_SOURCE_TIMEOUTS, 0, start + T);

    start = nd_now();
    CHECK_EQ(nd_set_read_deadline(listener, start + T), 0);
    CHECK_ERRNO(io_accept(listener, NULL, NULL), ETIMEDOUT);
    said(listener, ND_READ, ND_SOURCE_DEADLINE, 0, start + T);
    int other = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK_EQ(nd_set_write_deadline(other, nd_now() + T), 0);
    CHECK_ERRNO(io_connect(other, (struct sockaddr *)&hole.at, sizeof hole.at), ETIMEDOUT);
    said(other, ND_CONNECT, ND_SOURCE_DEADLINE, 0, start + T);
}
// Of a write that sent something: how much, and the count that the caller got.
static void moved(enum api_kind kind) {
    static char block[16 << 20];
    struct nd_pair pair = api_pair(kind);
    int64_t when = nd_now() + T;
    CHECK_EQ(nd_set_write_deadline(pair.client, when), 0);
    ssize_t sent = io_write(pair.client, block, sizeof block);
    CHECK(sent > 0);
    struct nd_expiry why = said(pair.client, ND_WRITE, ND_SOURCE_DEADLINE, 0, when);
    CHECK_EQ(why.bytes, sent);
    api_close(&pair);
}
// The operator's rule is not the program's doing.
static void rule(void) {
    struct nd_pair pair = api_pair(API_TCP);
    char byte;
    // Reasons are kept from a program's first nd_ call on.
    nothing(pair.client);
    int64_t start = nd_now();
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_ENDED_AT(start, 150 * MS);
    said(pair.client, ND_READ, ND_SOURCE_RULE, 150 * MS, start);
    api_close(&pair);
}

int main(void) {
    began = nd_now();
    if (getenv("NETDEADLINE_RULES")) {
        if (!API_INTERPOSED) SKIP("a rule needs a connect that the library saw");
        rule();
        return 0;
    }
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) deadlines(kind);
    classes();
    moved(API_TCP);
    moved(API_UNIX);
    return 0;
}
