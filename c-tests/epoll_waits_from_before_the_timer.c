// Waits that began before the set had anything armed do not get the hidden fd's event either: neither as an event of the program
// nor as an early end, although the deadline was armed meanwhile and lost again.
// Source: SEMANTICS "Non-blocking sockets" 2.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

static int set;
static void *waiter(void *argument) {
    enum nb_way *way = argument;
    struct epoll_event event;
    int64_t start = nd_now();
    CHECK_EQ(nb_epoll(*way, set, &event, 1, 900), 0);
    CHECK_ENDED_AT(start, 900 * MS);
    return NULL;
}

int main(void) {
    struct nd_pair pair = nb_pair();
    static enum nb_way ways[] = {NB_EPOLL_WAIT, NB_EPOLL_PWAIT, NB_EPOLL_PWAIT2};
    struct nd_thread threads[3];
    int pipes[2];
    MUST(pipe(pipes));
    set = nb_set();
    nb_add(set, pipes[0], EPOLLIN);
    for (int i = 0; i < 3; i++) threads[i] = nd_start(waiter, &ways[i]);
    nd_sleep(100 * MS);
    nb_add(set, pair.client, EPOLLIN);
    nd_sleep(100 * MS);
    MUST(epoll_ctl(set, EPOLL_CTL_DEL, pair.client, NULL));
    for (int i = 0; i < 3; i++) nd_join(threads[i], 5 * SEC);
    CHECK_NO_RECORDS();
    return 0;
}
