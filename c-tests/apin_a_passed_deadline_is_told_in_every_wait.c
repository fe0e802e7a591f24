// A deadline that passes ends each of the seven waits at its instant: the socket is reported ready with the bit that was asked
// for and no other, and the next calls answer ETIMEDOUT. TCP, unix and UDP.
// Source: SEMANTICS "Sources of a deadline" 1; FACTS "Go's deadline contract".
//
// api: yes
#include "apin_wait.h"

static void reads(enum nb_way way, enum api_kind kind) {
    struct nd_pair pair = apin_pair(kind);
    struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
    int64_t start = nd_now();
    char byte;
    CHECK_EQ(nd_set_read_deadline(pair.client, start + 40 * MS), 0);
    CHECK_ERRNO(io_read(pair.client, &byte, 1), EAGAIN);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
    CHECK_ENDED_AT(start, 40 * MS);
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_ERRNO(io_recv(pair.client, &byte, 1, 0), ETIMEDOUT);
    nb_done(&waiter);
    api_close(&pair);
}
static void writes(enum nb_way way, struct nd_pair *pair) {
    struct nb_waiter waiter = nb_waiter(way, pair->client, POLLOUT);
    int64_t start = nd_now();
    CHECK_EQ(nd_set_write_deadline(pair->client, start + 40 * MS), 0);
    CHECK_ERRNO(io_write(pair->client, "x", 1), EAGAIN);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT);
    CHECK_ENDED_AT(start, 40 * MS);
    CHECK_ERRNO(io_write(pair->client, "x", 1), ETIMEDOUT);
    CHECK_ERRNO(io_send(pair->client, "x", 1, MSG_NOSIGNAL), ETIMEDOUT);
    CHECK_EQ(nd_set_write_deadline(pair->client, 0), 0);
    nb_done(&waiter);
}

int main(void) {
    APIN_EACH_KIND(kind) APIN_EACH_WAY(way) reads(way, kind);
    struct nd_pair tcp = nd_zero_window(), local = apin_full_pair(API_UNIX);
    nd_nonblocking(tcp.client);
    APIN_EACH_WAY(way) {
        writes(way, &tcp);
        writes(way, &local);
    }
    api_close(&tcp);
    api_close(&local);
    return 0;
}
