// nd_set_timeouts bounds each class as a rule of the operator would, on this one socket: read and write anew with every
// wait and byte, response only what follows a write, connect each attempt, lifetime all of it and for good. Accept
// obeys read. What was set comes back; 0 takes it away; waits that have begun obey from then on.
// Source: SEMANTICS "Classes"; include/netdeadline.h, nd_set_timeouts.
//
// api: yes
#include "api.h"

#define T (120 * MS)
static void give(int fd, struct nd_timeouts wanted) {
    struct nd_timeouts told = {-1, -1, -1, -1, -1};
    CHECK_EQ(nd_set_timeouts(fd, &wanted), 0);
    CHECK_EQ(nd_get_timeouts(fd, &told), 0);
    CHECK_EQ(told.connect, wanted.connect);
    CHECK_EQ(told.response, wanted.response);
    CHECK_EQ(told.read, wanted.read);
    CHECK_EQ(told.write, wanted.write);
    CHECK_EQ(told.lifetime, wanted.lifetime);
}
static void read_and_write(enum api_kind kind) {
    struct nd_pair pair = api_pair(kind), full = api_full_pair(kind);
    struct nd_later later;
    struct api_op op;
    char bytes[8];
    give(pair.client, (struct nd_timeouts){.read = T});
    give(full.client, (struct nd_timeouts){.write = T});
    // A duration: each wait has it anew.
    for (int i = 0; i < 2; i++) {
        int64_t start = nd_now();
        CHECK_ERRNO(io_read(pair.client, bytes, 1), ETIMEDOUT);
        CHECK_ENDED_AT(start, T);
        start = nd_now();
        CHECK_ERRNO(io_write(full.client, "w", 1), ETIMEDOUT);
        CHECK_ENDED_AT(start, T);
    }
    // Nothing that is there is kept back.
    CHECK_EQ(nd_raw_write(pair.peer, "d", 1), 1);
    CHECK_EQ(io_read(pair.client, bytes, 1), 1);
    give(pair.client, (struct nd_timeouts){.read = 10 * SEC});
    nd_send_later(&later, pair.peer, T / 4, "e", 1);
    CHECK_EQ(io_recv(pair.client, bytes, 1, 0), 1);
    nd_later_join(&later);
    // The other direction has none.
    api_block(&op, &api_read_calls[0], full.client);
    nd_sleep(2 * T);
    CHECK_OP_WAITS(&op);
    // Given while it waits.
    int64_t start = nd_now();
    give(full.client, (struct nd_timeouts){.read = T / 2});
    CHECK_OP_EXPIRED(&op, start);
    give(pair.client, (struct nd_timeouts){0});
    nd_send_later(&later, pair.peer, 2 * T, "f", 1);
    CHECK_EQ(io_read(pair.client, bytes, 1), 1);
    nd_later_join(&later);
    api_close(&pair);
    api_close(&full);
}
static void response(void) {
    struct nd_pair pair = api_pair(API_TCP);
    struct nd_later later;
    char byte;
    give(pair.client, (struct nd_timeouts){.response = T});
    // Nothing was asked: it may be silent.
    nd_send_later(&later, pair.peer, 3 * T, "i", 1);
    CHECK_EQ(io_read(pair.client, &byte, 1), 1);
    nd_later_join(&later);
    int64_t start = nd_now();
    CHECK_EQ(io_write(pair.client, "?", 1), 1);
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_ENDED_AT(start, T);
    give(pair.client, (struct nd_timeouts){.response = 10 * SEC});
    CHECK_EQ(io_write(pair.client, "?", 1), 1);
    nd_send_later(&later, pair.peer, T / 4, "a", 1);
    CHECK_EQ(io_read(pair.client, &byte, 1), 1);
    nd_later_join(&later);
    give(pair.client, (struct nd_timeouts){.response = T});
    // Answered: silent again.
    nd_send_later(&later, pair.peer, 3 * T, "i", 1);
    CHECK_EQ(io_read(pair.client, &byte, 1), 1);
    nd_later_join(&later);
    api_close(&pair);
}
static void connects(void) {
    struct nd_hole hole = nd_black_hole();
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    give(fd, (struct nd_timeouts){.connect = T});
    for (int i = 0; i < 2; i++) {
        int64_t start = nd_now();
        CHECK_ERRNO(io_connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), ETIMEDOUT);
        CHECK_ENDED_AT(start, T);
        CHECK(nd_tcp_state(fd) != TCP_SYN_SENT);
    }
    // Established in time it has done its work.
    struct sockaddr_in in;
    struct nd_later later;
    char byte;
    int listener = nd_listener(8, &in);
    CHECK_EQ(io_connect(fd, (struct sockaddr *)&in, sizeof in), 0);
    int peer = nd_raw_accept(listener);
    nd_send_later(&later, peer, 3 * T, "i", 1);
    CHECK_EQ(io_read(fd, &byte, 1), 1);
    nd_later_join(&later);
    io_close(fd);

    int64_t start = nd_now();
    give(listener, (struct nd_timeouts){.read = T});
    CHECK_ERRNO(io_accept(listener, NULL, NULL), ETIMEDOUT);
    CHECK_ENDED_AT(start, T);
    // Accepted sockets do not inherit it.
    int client = nd_tcp_connect(&in), served = MUST(io_accept(listener, NULL, NULL));
    struct nd_timeouts told = {.read = 1};
    CHECK_EQ(nd_get_timeouts(served, &told), 0);
    CHECK_EQ(told.read, 0);
    nd_send_later(&later, client, 2 * T, "i", 1);
    CHECK_EQ(io_read(served, &byte, 1), 1);
    nd_later_join(&later);
}
// From connect, or of a connected socket from the setting on.
static void lifetime(bool from_connect) {
    struct sockaddr_in in;
    struct nd_later drip;
    int listener = nd_listener(8, &in);
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    char byte;
    int64_t start = nd_now();
    if (from_connect) give(fd, (struct nd_timeouts){.lifetime = 3 * T});
    CHECK_EQ(io_connect(fd, (struct sockaddr *)&in, sizeof in), 0);
    int peer = nd_raw_accept(listener);
    if (!from_connect) {
        start = nd_now();
        give(fd, (struct nd_timeouts){.lifetime = 3 * T});
    }
    nd_drip(&drip, peer, T / 4, 20);
    while (io_read(fd, &byte, 1) == 1) {}
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_ENDED_AT(start, 3 * T);
    nd_later_join(&drip);
    // For good, though bytes are there and room is.
    CHECK_PAST(io_read(fd, &byte, 1));
    CHECK_PAST(io_write(fd, "w", 1));
    nd_raw_close(peer);
    io_close(fd);
    io_close(listener);
}

// All at once: they mostly wait.
static void *part(void *number) {
    switch (*(int *)number) {
    case 0: read_and_write(API_TCP); break;
    case 1: read_and_write(API_UNIX); break;
    case 2: read_and_write(API_UNIX_DGRAM); break;
    case 3: response(); break;
    case 4: connects(); break;
    case 5: lifetime(true); break;
    default: lifetime(false);
    }
    return NULL;
}

int main(void) {
    int numbers[7];
    struct nd_thread parts[7];
    for (int i = 0; i < 7; i++) {
        numbers[i] = i;
        parts[i] = nd_start(part, &numbers[i]);
    }
    for (int i = 0; i < 7; i++) nd_join(parts[i], 50 * SEC);
    return 0;
}
