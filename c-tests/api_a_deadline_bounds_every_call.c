// A deadline that was set before a call bounds it: read and write in all their forms, accept, connect to a host that
// does not answer and to a unix socket with a full queue. None ends early, and each succeeds if what it waits for comes
// in time.
// Source: SEMANTICS "Sources", explicit; "Errno"; FACTS "Go's deadline contract".
//
// api: yes
#include "api.h"

static int set(int fd, bool write, int64_t when) {
    return write ? nd_set_write_deadline(fd, when) : nd_set_read_deadline(fd, when);
}
static void bounds(const struct nd_call *call, int fd, bool write) {
    int64_t when = nd_now() + 30 * MS;
    char byte = 'w';
    CHECK_EQ(set(fd, write, when), 0);
    errno = 0;
    long result = call->make(fd, &byte);
    if (result != -1 || errno != ETIMEDOUT) FAIL("%s is %ld: %s", call->name, result, strerror(errno));
    CHECK_JUST_AFTER(when);
    CHECK_EQ(set(fd, write, nd_now() + 30 * SEC), 0);
}

int main(void) {
    struct sockaddr_in in;
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) {
        struct nd_pair pair = api_pair(kind);
        for (size_t i = 0; i < API_READ_CALLS; i++) {
            struct api_op op;
            bounds(&api_read_calls[i], pair.client, false);
            api_block(&op, &api_read_calls[i], pair.client);
            CHECK_EQ(nd_raw_write(pair.peer, "d", 1), 1);
            CHECK_OP_MOVED(&op);
            CHECK_EQ(op.byte, 'd');
        }
        api_close(&pair);
        if (kind == API_UDP) continue;
        pair = api_full_pair(kind);
        for (size_t i = 0; i < API_WRITE_CALLS; i++) bounds(&api_write_calls[i], pair.client, true);
        struct api_op op;
        api_block(&op, &api_write_calls[0], pair.client);
        CHECK(nd_drain(pair.peer) > 0);
        CHECK_OP_MOVED(&op);
        api_close(&pair);
    }
    int tcp = nd_listener(8, &in), un = nd_unix_listener("bound.sock", 0);
    for (size_t i = 0; i < API_ACCEPT_CALLS; i++) {
        bounds(&api_accept_calls[i], tcp, false);
        bounds(&api_accept_calls[i], un, false);
    }
    // The unix queue is full with one.
    api_target_size = nd_unix_address(&api_target.un, "bound.sock");
    int first = MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    MUST(-nd_raw(SYS_connect, first, (long)&api_target, api_target_size, 0, 0, 0));
    for (size_t i = 0; i < API_CONNECT_CALLS; i++) {
        struct api_op op;
        int fd = MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        bounds(&api_connect_calls[i], fd, true);
        api_block(&op, &api_connect_calls[i], fd);
        nd_raw_close(nd_raw_accept(un));
        CHECK_OP_MOVED(&op);
    }
    struct nd_hole hole = nd_black_hole();
    api_target.in = hole.at;
    api_target_size = sizeof hole.at;
    for (size_t i = 0; i < API_CONNECT_CALLS; i++) {
        int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        bounds(&api_connect_calls[i], fd, true);
        // The attempt is over: it cannot succeed behind the program's back.
        CHECK(nd_tcp_state(fd) != TCP_SYN_SENT);
        CHECK_EQ(nd_kernel_timeout_ms(fd, SO_SNDTIMEO), 0);
        io_close(fd);
    }
    return 0;
}
