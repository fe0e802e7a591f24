// A handler without SA_RESTART ends a movable wait with EINTR; with SA_RESTART the wait goes on, and however many
// signals come its deadline is not put off. Between two of them the deadline can be moved.
// Source: signal(7); SEMANTICS "Blocking calls", EINTR.
//
// api: yes
#include "api.h"

static volatile sig_atomic_t handled;
static void handle(int number) {
    (void)number;
    handled = handled + 1;
}
static void install(int flags) {
    struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
    MUST(sigaction(SIGUSR1, &action, NULL));
}
// Signals come every 2 ms until it has ended or `until`; how many.
static int shower(struct api_op *op, int64_t until) {
    int sent = 0;
    while (!atomic_load(&op->tid)) nd_sleep(MS / 10);
    for (; nd_now() < until && api_thread_state(atomic_load(&op->tid)) != 0; sent++) {
        pthread_kill(op->thread.id, SIGUSR1);
        nd_sleep(2 * MS);
    }
    return sent;
}
static void all(const struct nd_call *call, int fd, int (*set)(int, int64_t)) {
    struct api_op op;
    // Waits are movable from here on.
    CHECK_EQ(set(fd, INT64_MAX), 0);
    install(0);
    for (int bounded = 0; bounded < 2; bounded++) {
        CHECK_EQ(set(fd, bounded ? nd_now() + 60 * SEC : 0), 0);
        api_block(&op, call, fd);
        pthread_kill(op.thread.id, SIGUSR1);
        CHECK_OP_FAILED(&op, EINTR, op.start);
    }
    install(SA_RESTART);
    handled = 0;
    int64_t when = nd_now() + 120 * MS;
    CHECK_EQ(set(fd, when), 0);
    api_start(&op, call, fd);
    int sent = shower(&op, when - 20 * MS);
    CHECK_OP_EXPIRED(&op, when);
    CHECK(sent < 3 || handled > 0);

    when = nd_now() + 60 * SEC;
    CHECK_EQ(set(fd, when), 0);
    api_block(&op, call, fd);
    shower(&op, nd_now() + 30 * MS);
    CHECK_OP_WAITS(&op);
    when = nd_now() + 60 * MS;
    CHECK_EQ(set(fd, when), 0);
    shower(&op, when - 10 * MS);
    CHECK_OP_EXPIRED(&op, when);
    CHECK_EQ(set(fd, 0), 0);
}

// A connect that EINTR ended goes on in the kernel: each has a socket of its own.
static void connects(int family) {
    struct api_op op;
    int fd = MUST(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    install(0);
    CHECK_EQ(nd_set_write_deadline(fd, nd_now() + 60 * SEC), 0);
    api_block(&op, &api_connect_calls[API_CONNECT_CALLS - 1], fd);
    // What waits now is no longer the call by which the library began the attempt.
    nd_sleep(50 * MS);
    pthread_kill(op.thread.id, SIGUSR1);
    CHECK_OP_FAILED(&op, EINTR, op.start);
    io_close(fd);

    fd = MUST(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    install(SA_RESTART);
    int64_t when = nd_now() + 120 * MS;
    CHECK_EQ(nd_set_write_deadline(fd, when), 0);
    api_start(&op, &api_connect_calls[0], fd);
    shower(&op, when - 20 * MS);
    CHECK_OP_EXPIRED(&op, when);
    io_close(fd);
}

int main(void) {
    struct sockaddr_in in;
    struct api_op op;
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) {
        struct nd_pair pair = api_pair(kind);
        all(&api_read_calls[0], pair.client, nd_set_read_deadline);
        all(&api_read_calls[2 % API_READ_CALLS], pair.client, nd_set_read_deadline);
        // And what it waits for still comes.
        api_block(&op, &api_read_calls[0], pair.client);
        shower(&op, nd_now() + 20 * MS);
        CHECK_EQ(nd_raw_write(pair.peer, "d", 1), 1);
        CHECK_OP_MOVED(&op);
        api_close(&pair);
    }
    struct nd_pair full = api_full_pair(API_UNIX);
    all(&api_write_calls[0], full.client, nd_set_write_deadline);
    all(&api_write_calls[API_WRITE_CALLS - 1], full.client, nd_set_write_deadline);
    full = api_full_pair(API_TCP);
    all(&api_write_calls[1], full.client, nd_set_write_deadline);
    int listener = nd_listener(8, &in);
    all(&api_accept_calls[API_ACCEPT_CALLS - 1], listener, nd_set_read_deadline);
    struct nd_hole hole = nd_black_hole();
    api_target.in = hole.at;
    api_target_size = sizeof hole.at;
    connects(AF_INET);
    int un = nd_unix_listener("full.sock", 0), first = MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    api_target_size = nd_unix_address(&api_target.un, "full.sock");
    MUST(-nd_raw(SYS_connect, first, (long)&api_target, api_target_size, 0, 0, 0));
    connects(AF_UNIX);
    nd_raw_close(un);
    return 0;
}
