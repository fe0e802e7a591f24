// The program's SO_RCVTIMEO and SO_SNDTIMEO hold beside its deadlines. What ends first ends the wait, and by its own
// errno one tells which: EAGAIN (of a connect EINPROGRESS) of the option as from the kernel, ETIMEDOUT of the deadline.
// Source: SEMANTICS "Sources" ("The one that ends first holds"), "Errno".
//
// api: yes
#include "api.h"

#define SHORT (60 * MS)
#define LONG (20 * SEC)

// The option first, the deadline first, and the option while the deadline is moved.
static void both(const struct nd_call *call, int fd, bool write, int told) {
    int option = write ? SO_SNDTIMEO : SO_RCVTIMEO;
    int (*set)(int, int64_t) = write ? nd_set_write_deadline : nd_set_read_deadline;
    struct api_op op;
    nd_set_timeout(fd, option, SHORT);
    CHECK_EQ(set(fd, nd_now() + LONG), 0);
    api_start(&op, call, fd);
    api_join(&op);
    if (op.result != -1 || op.error != told) FAIL("%s is %ld with %s", call->name, op.result, strerror(op.error));
    // The kernel counts such a wait in ticks, which may be 10 ms.
    CHECK(op.end - op.start >= SHORT - 10 * MS);
    CHECK(op.end - op.start < SHORT + ND_LATE);
    CHECK_EQ(nd_kernel_timeout_ms(fd, option) / 10, SHORT / MS / 10);
    if (told == EINPROGRESS) return;

    nd_set_timeout(fd, option, LONG);
    int64_t when = nd_now() + SHORT;
    CHECK_EQ(set(fd, when), 0);
    api_start(&op, call, fd);
    CHECK_OP_EXPIRED(&op, when);
    CHECK_EQ(set(fd, nd_now() + LONG), 0);
    api_block(&op, call, fd);
    when = nd_now();
    CHECK_EQ(set(fd, when), 0);
    CHECK_OP_EXPIRED(&op, when);

    // However far it has got by then.
    nd_set_timeout(fd, option, 3 * SHORT);
    CHECK_EQ(set(fd, nd_now() + LONG), 0);
    api_start(&op, call, fd);
    for (int i = 0; i < 5; i++) {
        nd_sleep(SHORT / 4);
        CHECK_EQ(set(fd, i % 2 ? 0 : nd_now() + LONG), 0);
    }
    api_join(&op);
    if (op.result != -1 || op.error != told) FAIL("%s is %ld with %s", call->name, op.result, strerror(op.error));
    // Moves do not put the option off.
    CHECK(op.end - op.start >= 3 * SHORT - 10 * MS);
    CHECK(op.end - op.start < 3 * SHORT + ND_LATE);
    nd_set_timeout(fd, option, 0);
    CHECK_EQ(set(fd, 0), 0);
}

// The kinds at once: they mostly wait.
static void *reads_and_writes(void *argument) {
    enum api_kind kind = *(enum api_kind *)argument;
    struct nd_pair pair = api_pair(kind);
    both(&api_read_calls[0], pair.client, false, EAGAIN);
    both(&api_read_calls[2 % API_READ_CALLS], pair.client, false, EAGAIN);
    api_close(&pair);
    if (!api_is_stream(kind)) return NULL;
    pair = api_full_pair(kind);
    both(&api_write_calls[0], pair.client, true, EAGAIN);
    both(&api_write_calls[API_WRITE_CALLS - 1], pair.client, true, EAGAIN);
    api_close(&pair);
    return NULL;
}

int main(void) {
    struct sockaddr_in in;
    enum api_kind kinds[API_KINDS];
    struct nd_thread parts[API_KINDS];
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) {
        kinds[kind] = kind;
        parts[kind] = nd_start(reads_and_writes, &kinds[kind]);
    }
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) nd_join(parts[kind], 50 * SEC);
    both(&api_accept_calls[API_ACCEPT_CALLS - 1], nd_listener(8, &in), false, EAGAIN);
    struct nd_hole hole = nd_black_hole();
    api_target.in = hole.at;
    api_target_size = sizeof hole.at;
    both(&api_connect_calls[0], MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), true, EINPROGRESS);
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    nd_set_timeout(fd, SO_SNDTIMEO, LONG);
    int64_t when = nd_now() + SHORT;
    CHECK_EQ(nd_set_write_deadline(fd, when), 0);
    CHECK_ERRNO(io_connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), ETIMEDOUT);
    CHECK_JUST_AFTER(when);
    CHECK_EQ(nd_kernel_timeout_ms(fd, SO_SNDTIMEO), LONG / MS);
    return 0;
}
