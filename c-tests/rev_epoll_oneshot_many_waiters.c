// Eight threads wait in one set with the same deadline before them: each expiry of a one-shot registration goes to exactly one,
// and leaves one record.
// Source: SEMANTICS "Non-blocking sockets" 4; epoll(7), EPOLLONESHOT.
//
// env: NETDEADLINE_READ=20ms
// cap: 40
#include "nb_wait.h"
#include <sys/resource.h>

enum { ROUNDS = 250, WAITERS = 6 };
static int set, fd, told;
static pthread_barrier_t gate;
static void *waiter(void *argument) {
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        struct epoll_event event;
        struct timespec time = {0, 60 * MS};
        pthread_barrier_wait(&gate);
        int ready = epoll_pwait2(set, &event, 1, &time, NULL);
        if (ready == 1) __atomic_add_fetch(&told, 1, __ATOMIC_SEQ_CST);
        pthread_barrier_wait(&gate);
    }
    return NULL;
}
int main(void) {
    struct nd_pair pair = nb_pair();
    struct nd_thread threads[WAITERS];
    char byte;
    int twice = 0, never = 0;
    // No room for a hidden timer: every wait is bounded by itself, and all end in the same instant.
    struct rlimit few = {200, 200};
    MUST(setrlimit(RLIMIT_NOFILE, &few));
    pthread_barrier_init(&gate, NULL, WAITERS + 1);
    set = nb_set();
    fd = pair.client;
    nb_add(set, fd, 0);
    for (int i = 0; i < WAITERS; i++) threads[i] = nd_start(waiter, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        nb_mod(set, fd, EPOLLIN | EPOLLONESHOT);
        pthread_barrier_wait(&gate);
        pthread_barrier_wait(&gate);
        int n = __atomic_exchange_n(&told, 0, __ATOMIC_SEQ_CST);
        twice += n > 1;
        never += n == 0;
        if (read(fd, &byte, 1) != -1) FAIL("read");
    }
    for (int i = 0; i < WAITERS; i++) nd_join(threads[i], 5 * SEC);
    fprintf(stderr, "of %d rounds %d were told to more than one thread, %d to none\n", ROUNDS, twice, never);
    CHECK_EQ(twice, 0);
    CHECK_EQ(never, 0);
    return 0;
}
