// Closing a descriptor wakes everyone who waits on it, and they fail with EBADF, which is no timeout: eight threads in
// read, in write, in accept, and one in connect. A thread that waits on a dup of it goes on.
// Source: FACTS "Go's deadline contract" (Close wakes them with "closed"); include/netdeadline.h, nd_close.
//
// api: yes
#include "api.h"

#define WAITERS 8
static int (*const closes[])(int) = {
#if API_INTERPOSED
    close,
#endif
    NULL,
};

static int shut(int how, int fd) { return closes[how] ? closes[how](fd) : nd_close(fd); }
static void wakes(int how, const struct nd_call *calls, size_t kinds, int fd, int waiters, int64_t when) {
    static struct api_op ops[WAITERS];
    CHECK_EQ(nd_set_deadline(fd, when), 0);
    for (int i = 0; i < waiters; i++) api_start(&ops[i], &calls[(size_t)i % kinds], fd);
    for (int i = 0; i < waiters; i++) {
        while (!atomic_load(&ops[i].tid)) nd_sleep(MS / 10);
        api_until_asleep(ops[i].tid);
    }
    int64_t now = nd_now();
    CHECK_EQ(shut(how, fd), 0);
    for (int i = 0; i < waiters; i++) CHECK_OP_FAILED(&ops[i], EBADF, now);
    CHECK_ERRNO(nd_get_deadlines(fd, NULL, NULL), EBADF);
    CHECK_ERRNO(shut(how, fd), EBADF);
}
static void once(int how, int64_t when) {
    struct nd_pair full[1];
    struct sockaddr_in in;
    char byte;
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) {
        struct nd_pair pair = api_pair(kind);
        wakes(how, api_read_calls, API_READ_CALLS, pair.client, WAITERS, when);
        // Nobody holds the connection any more: its peer sees the end.
        struct pollfd entry = {.fd = pair.peer, .events = POLLIN};
        struct timespec bound = {.tv_sec = 5};
        if (api_is_stream(kind)) {
            CHECK_EQ(nd_raw(SYS_ppoll, (long)&entry, 1, (long)&bound, 0, 8, 0), 1);
            CHECK_EQ(nd_raw_read(pair.peer, &byte, 1), 0);
        }
        nd_raw_close(pair.peer);
    }
    for (enum api_kind kind = API_UNIX; kind <= API_UNIX_DGRAM; kind++) {
        full[0] = api_full_pair(kind);
        wakes(how, api_write_calls, API_WRITE_CALLS, full[0].client, WAITERS, when);
        nd_raw_close(full[0].peer);
    }
    full[0] = api_full_pair(API_TCP);
    wakes(how, api_write_calls, API_WRITE_CALLS, full[0].client, WAITERS, when);
    nd_raw_close(full[0].peer);
    wakes(how, api_accept_calls, API_ACCEPT_CALLS, nd_listener(8, &in), WAITERS, when);

    struct nd_hole hole = nd_black_hole();
    api_target.in = hole.at;
    api_target_size = sizeof hole.at;
    wakes(how, api_connect_calls, 1, MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), 1, when);
    int un = nd_unix_listener("full.sock", 0);
    api_target_size = nd_unix_address(&api_target.un, "full.sock");
    int first = MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    MUST(-nd_raw(SYS_connect, first, (long)&api_target, api_target_size, 0, 0, 0));
    wakes(how, api_connect_calls, 1, MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), 1, when);
    nd_raw_close(first);
    nd_raw_close(un);
    nd_raw_close(hole.listener);
}

int main(void) {
    for (size_t how = 0; how < sizeof closes / sizeof *closes; how++) {
        once((int)how, 0);
        once((int)how, nd_now() + 600 * SEC);

        struct nd_pair pair = nd_tcp_pair();
        struct api_op op;
        int copy = MUST(dup(pair.client));
        CHECK_EQ(nd_set_deadline(copy, INT64_MAX), 0);
        api_block(&op, &api_read_calls[how], pair.client);
        CHECK_EQ(shut((int)how, copy), 0);
        nd_sleep(30 * MS);
        CHECK_OP_WAITS(&op);
        CHECK_EQ(nd_raw_write(pair.peer, "d", 1), 1);
        CHECK_OP_MOVED(&op);
        api_close(&pair);
    }
    return 0;
}
