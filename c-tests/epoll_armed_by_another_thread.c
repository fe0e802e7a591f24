// A thread sits in epoll_wait(-1) on a set with nothing armed while another thread connects and registers (tokio's way): the
// expiry wakes the sleeper. The same in a wait that is older than the first socket of the process, where the interest comes by
// MOD, and where a later deadline is in the set already.
// Source: SEMANTICS "Non-blocking sockets" 2: a clamp alone hangs.
//
// env: none
// cap: 10
// needs: musl
#include "nb_wait.h"

static int set, fd;
static int64_t start;

static void *sleeper(void *argument) {
    int whose, bits = nb_one(set, -1, &whose);
    (void)argument;
    CHECK_EQ(bits, EPOLLIN);
    CHECK_EQ(whose, fd);
    CHECK_ENDED_AT(start, 200 * MS);
    return NULL;
}

int main(void) {
    enum { OLDER_THAN_ALL, BY_ADD, BY_MOD, BESIDE_A_LATER, HOWS };
    for (int how = 0; how < HOWS; how++) {
        fprintf(stderr, "how: %d\n", how);
        struct nd_thread thread;
        int pipes[2];
        char byte;
        set = nb_set();
        MUST(pipe(pipes));
        nb_add(set, pipes[0], EPOLLIN);
        if (how == OLDER_THAN_ALL) {
            thread = nd_start(sleeper, NULL);
            nd_sleep(100 * MS);
        }
        struct nd_pair pair = nb_pair(), later = nb_pair();
        fd = pair.client;
        nd_set_timeout(fd, SO_RCVTIMEO, 200 * MS);
        if (how == BY_MOD) nb_add(set, fd, EPOLLPRI);
        if (how == BESIDE_A_LATER) {
            nd_set_timeout(later.client, SO_RCVTIMEO, 20 * SEC);
            nb_add(set, later.client, EPOLLIN);
        }
        if (how != OLDER_THAN_ALL) {
            thread = nd_start(sleeper, NULL);
            nd_sleep(100 * MS);
        }
        start = nd_now();
        if (how == BY_MOD) nb_mod(set, fd, EPOLLIN | EPOLLET);
        else nb_add(set, fd, EPOLLIN | EPOLLET);
        nd_join(thread, 5 * SEC);
        CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
        close(set);
        nd_pair_close(&pair);
        nd_pair_close(&later);
    }
    return 0;
}
