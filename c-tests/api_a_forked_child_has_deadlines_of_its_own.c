// A forked child keeps the deadlines that were set before; from then on each process moves its own. Waits in one are
// woken by it alone and never missed because of the other, though both wait on the same socket.
// Source: SEMANTICS "fds and processes" (after fork the child keeps the deadlines).
//
// api: yes
#include "api.h"

#define ROUNDS 150
static struct nd_pair pair;

static void wakes(void) {
    for (int i = 0; i < ROUNDS; i++) {
        struct api_op op;
        CHECK_EQ(nd_set_read_deadline(pair.client, i % 2 ? nd_now() + 60 * SEC : 0), 0);
        if (i % 10) api_start(&op, &api_read_calls[(size_t)i % API_READ_CALLS], pair.client);
        else api_block(&op, &api_read_calls[(size_t)i % API_READ_CALLS], pair.client);
        if (i % 10) nd_sleep(MS / 10);
        int64_t now = nd_now();
        CHECK_EQ(nd_set_read_deadline(pair.client, now), 0);
        CHECK_OP_EXPIRED(&op, now);
    }
}

int main(void) {
    struct api_op waiter;
    int64_t reads, writes, far = nd_now() + 600 * SEC;
    char byte;
    pair = api_pair(API_UNIX);
    // The past is kept.
    CHECK_EQ(nd_set_deadline(pair.client, 1), 0);
    pid_t child = MUST(fork());
    if (!child) {
        CHECK_PAST(io_read(pair.client, &byte, 1));
        CHECK_PAST(io_write(pair.client, "w", 1));
        CHECK_EQ(nd_get_deadlines(pair.client, &reads, &writes), 0);
        CHECK_EQ(reads, 1);
        CHECK_EQ(nd_set_deadline(pair.client, 0), 0);
        _exit(0);
    }
    CHECK_CHILD_OK(child, 10 * SEC);
    // The child's clearing was the child's.
    CHECK_PAST(io_read(pair.client, &byte, 1));

    // So is what is to come.
    int64_t when = nd_now() + 150 * MS;
    CHECK_EQ(nd_set_deadline(pair.client, when), 0);
    child = MUST(fork());
    if (!child) {
        CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_JUST_AFTER(when);
        _exit(0);
    }
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_JUST_AFTER(when);
    CHECK_CHILD_OK(child, 10 * SEC);

    // A thread of the parent waits while the child wakes its own, and the parent wakes others.
    CHECK_EQ(nd_set_deadline(pair.client, far), 0);
    api_block(&waiter, &api_read_calls[0], pair.client);
    child = MUST(fork());
    if (!child) {
        wakes();
        _exit(0);
    }
    CHECK_CHILD_OK(child, 40 * SEC);
    CHECK_OP_WAITS(&waiter);
    CHECK_EQ(nd_get_deadlines(pair.client, &reads, &writes), 0);
    CHECK_EQ(reads, far);
    int64_t now = nd_now();
    CHECK_EQ(nd_set_read_deadline(pair.client, now), 0);
    CHECK_OP_EXPIRED(&waiter, now);

    // Both at once: neither takes the other's wake-up.
    child = MUST(fork());
    wakes();
    if (!child) _exit(0);
    CHECK_CHILD_OK(child, 40 * SEC);
    return 0;
}
