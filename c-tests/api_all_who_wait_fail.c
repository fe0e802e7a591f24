// Eight threads wait on one descriptor: its deadline ends all of them, whether it comes by itself or is moved;
// afterwards the descriptor works as before.
// Source: FACTS "Go's deadline contract" (all waiters fail).
//
// api: yes
#include "api.h"

#define WAITERS 8
static void all(const struct nd_call *calls, size_t kinds, int fd, int (*set)(int, int64_t)) {
    static struct api_op ops[WAITERS];
    for (int moved = 0; moved < 2; moved++) {
        int64_t when = nd_now() + (moved ? 60 * SEC : 100 * MS);
        CHECK_EQ(set(fd, when), 0);
        for (int i = 0; i < WAITERS; i++) api_start(&ops[i], &calls[(size_t)i % kinds], fd);
        if (moved) {
            for (int i = 0; i < WAITERS; i++) {
                while (!atomic_load(&ops[i].tid)) nd_sleep(MS / 10);
                api_until_asleep(ops[i].tid);
            }
            when = nd_now();
            CHECK_EQ(set(fd, when), 0);
        }
        for (int i = 0; i < WAITERS; i++) CHECK_OP_EXPIRED(&ops[i], when);
    }
    CHECK_EQ(set(fd, 0), 0);
}

int main(void) {
    struct api_op op;
    struct sockaddr_in in;
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) {
        struct nd_pair pair = api_pair(kind);
        all(api_read_calls, API_READ_CALLS, pair.client, nd_set_read_deadline);
        api_block(&op, &api_read_calls[0], pair.client);
        CHECK_EQ(nd_raw_write(pair.peer, "d", 1), 1);
        CHECK_OP_MOVED(&op);
        api_close(&pair);
        if (kind == API_UDP) continue;
        pair = api_full_pair(kind);
        all(api_write_calls, API_WRITE_CALLS, pair.client, nd_set_write_deadline);
        api_block(&op, &api_write_calls[0], pair.client);
        CHECK(nd_drain(pair.peer) > 0);
        CHECK_OP_MOVED(&op);
        api_close(&pair);
    }
    int listener = nd_listener(8, &in);
    all(api_accept_calls, API_ACCEPT_CALLS, listener, nd_set_deadline);
    api_block(&op, &api_accept_calls[0], listener);
    nd_tcp_connect(&in);
    CHECK_OP_MOVED(&op);
    return 0;
}
