// Threads that wait and threads that add, modify and delete in the same set, close and reopen numbers, for two seconds: no
// deadlock, no event nobody registered, and the last deadline holds.
// Source: TRAPS: deadlock between epoll_wait and epoll_ctl; lock order of fd table and epoll (libvma, Onload bug51146).
//
// env: NETDEADLINE_READ=30ms
// log: no
#include "nb_wait.h"

enum { THREADS = 3 };
static int set, stop, told;
static struct sockaddr_in at;

static void *waiter(void *argument) {
    (void)argument;
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        struct epoll_event events[3];
        char byte;
        int count = epoll_wait(set, events, 3, 20);
        CHECK(count >= 0);
        for (int i = 0; i < count; i++) {
            int fd = nb_event_fd(&events[i]);
            // The number may be closed by now, or be another socket: only that the call comes back matters.
            if (read(fd, &byte, 1) < 0 && errno == ETIMEDOUT) __atomic_add_fetch(&told, 1, __ATOMIC_SEQ_CST);
        }
    }
    return NULL;
}
static void *changer(void *argument) {
    unsigned seed = (unsigned)(uintptr_t)argument;
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        int fd = nd_connect(&at);
        nd_nonblocking(fd);
        nb_add(set, fd, EPOLLIN | (rand_r(&seed) % 2 ? EPOLLET : 0));
        nd_sleep(rand_r(&seed) % 60 * MS);
        if (rand_r(&seed) % 2) nb_mod(set, fd, rand_r(&seed) % 2 ? EPOLLIN : 0);
        if (rand_r(&seed) % 2) MUST(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
        close(fd);
    }
    return NULL;
}
int main(void) {
    struct nd_thread threads[2 * THREADS];
    set = nb_set();
    nd_listener(4096, &at);
    for (int i = 0; i < THREADS; i++) {
        threads[2 * i] = nd_start(waiter, NULL);
        threads[2 * i + 1] = nd_start(changer, (void *)(uintptr_t)(i + 1));
    }
    nd_sleep(2 * SEC);
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 2 * THREADS; i++) nd_join(threads[i], 5 * SEC);
    CHECK(told > 0);
    struct nd_pair pair = nb_pair();
    int64_t start = nd_now();
    nb_add(set, pair.client, EPOLLIN);
    CHECK_EQ(nb_one(set, 3000, NULL), EPOLLIN);
    CHECK_ENDED_AT(start, 30 * MS);
    return 0;
}
