// A scope bounds the calls of the thread that entered it and of no other, on the same sockets and the same epoll set; each of 300
// threads that are in scopes at once ends at its own instant.
// Source: include/netdeadline.h, nd_scope_enter.
//
// api: yes
#include "apin_wait.h"

enum { THREADS = 300 };
static pthread_barrier_t all_in;

static void *in_a_scope_of_its_own(void *argument) {
    int number = *(int *)argument;
    struct nd_pair pair = apin_pair(API_UNIX);
    struct pollfd entry = {.fd = pair.client, .events = POLLIN};
    char byte;
    int64_t when = nd_now() + 300 * MS + number * MS, token = nd_scope_enter(when);
    if (token < 0) FAIL("thread %d of %d: %s", number, THREADS, strerror(errno));
    pthread_barrier_wait(&all_in);
    CHECK_EQ(io_poll(&entry, 1, 20000), 1);
    CHECK_EQ(entry.revents, POLLIN);
    CHECK_JUST_AFTER(when);
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_EQ(nd_scope_leave(token), 0);
    CHECK_ERRNO(io_read(pair.client, &byte, 1), EAGAIN);
    CHECK_ERRNO(nd_scope_leave(token), EINVAL);
    api_close(&pair);
    return NULL;
}
static void *not_bounded(void *argument) {
    struct nb_waiter *waiter = argument;
    char byte;
    CHECK_QUIET(waiter, 60);
    CHECK_ERRNO(io_read(waiter->fd, &byte, 1), EAGAIN);
    return NULL;
}

int main(void) {
    APIN_EACH_WAY(way) {
        struct nd_pair pair = apin_pair(API_TCP);
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        int64_t when = nd_now() + 20 * MS, token = nd_scope_enter(when);
        char byte;
        CHECK(token >= 0);
        struct nd_thread other = nd_start(not_bounded, &waiter);
        CHECK_EQ(nb_wait(&waiter, -1), POLLIN);
        CHECK_JUST_AFTER(when);
        CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        nd_join(other, 10 * SEC);
        // One that starts while it has passed.
        nd_join(nd_start(not_bounded, &waiter), 10 * SEC);
        CHECK_EQ(nd_scope_leave(token), 0);
        nb_done(&waiter);
        api_close(&pair);
    }
    static struct nd_thread threads[THREADS];
    static int numbers[THREADS];
    pthread_barrier_init(&all_in, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        threads[i] = nd_start(in_a_scope_of_its_own, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++) nd_join(threads[i], 20 * SEC);
    return 0;
}
