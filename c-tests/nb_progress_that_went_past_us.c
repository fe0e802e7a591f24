// Bytes that were taken without a call we see (splice by raw syscall, another reader, another process) are progress of the
// peer: at the deadline it counts, and the clock starts anew from it.
// Source: SEMANTICS "Non-blocking sockets" 5: TCP_INFO's last_data_recv.
//
// env: NETDEADLINE_READ=300ms
#include "nb_wait.h"

static void take(int how, int fd) {
    char byte;
    int pipes[2];
    pid_t child;
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    switch (how) {
    case 0: CHECK_EQ(nd_raw_read(fd, &byte, 1), 1); break;
    case 1:
        MUST(pipe(pipes));
        CHECK_EQ(nd_raw(SYS_splice, fd, 0, pipes[1], 0, 1, 0), 1);
        break;
    default:
        child = MUST(fork());
        if (!child) {
            nd_raw(SYS_poll, (long)&entry, 1, 3000, 0, 0, 0);
            _exit(nd_raw_read(fd, &byte, 1) != 1);
        }
        CHECK_CHILD_OK(child, 5 * SEC);
    }
}

int main(void) {
    static const enum nb_way ways[] = {NB_EPOLL_WAIT, NB_POLL};
    for (int how = 0; how < 6; how++) {
        fprintf(stderr, "how: %d, way: %s\n", how / 2, nb_names[ways[how % 2]]);
        struct nd_pair pair = nb_pair();
        char byte;
        struct nb_waiter waiter = nb_waiter(ways[how % 2], pair.client, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 200), 0);
        int64_t progress = nd_now();
        nb_send_now(pair.peer, pair.client);
        take(how / 2, pair.client);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        // The kernel keeps the instant of the last byte in ticks: up to 10 ms of blur.
        CHECK_ENDED_AT(progress, 290 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
