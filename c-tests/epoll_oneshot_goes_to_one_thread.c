// Four threads wait in one set for a one-shot registration: an expiry goes to exactly one of them.
// Source: SEMANTICS "Non-blocking sockets" 4; epoll(7), EPOLLONESHOT.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

static int set, told;

static void *waiter(void *argument) {
    int *fd = argument, whose = -1;
    if (nb_one(set, 900, &whose) == 0) return NULL;
    CHECK_EQ(whose, *fd);
    __atomic_add_fetch(&told, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

int main(void) {
    struct nd_pair pair = nb_pair();
    struct nd_thread threads[4];
    char byte;
    set = nb_set();
    for (int i = 0; i < 4; i++) threads[i] = nd_start(waiter, &pair.client);
    nd_sleep(50 * MS);
    int64_t start = nd_now();
    nb_add(set, pair.client, EPOLLIN | EPOLLONESHOT);
    for (int i = 0; i < 4; i++) nd_join(threads[i], 5 * SEC);
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_EQ(told, 1);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_RECORDS("read", 1);
    return 0;
}
