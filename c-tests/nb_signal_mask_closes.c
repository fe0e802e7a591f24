// A signal that the mask of ppoll, pselect, epoll_pwait or epoll_pwait2 holds back is delivered after the wait, not in the
// middle of it, even where the wait was taken up again inside.
// Source: ppoll(2): the mask holds for the call.
//
// native: yes
// env: NETDEADLINE_READ=400ms
#include "nb_wait.h"

static volatile sig_atomic_t seen;
static int64_t seen_at;
static void handler(int number) {
    seen += number == SIGUSR1;
    seen_at = nd_now();
}
struct mover {
    pthread_t thread;
    int fd;
};
static void *kill_and_move(void *argument) {
    struct mover *mover = argument;
    nd_sleep(30 * MS);
    pthread_kill(mover->thread, SIGUSR1);
    for (int i = 0; i < 4; i++) {
        nd_sleep(100 * MS);
        CHECK_EQ(write(mover->fd, "q", 1), 1);
    }
    return NULL;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    struct timespec at;
    sigset_t closed;
    MUST(sigaction(SIGUSR1, &action, NULL));
    sigemptyset(&closed);
    sigaddset(&closed, SIGUSR1);
    NB_EACH_WAY(way) {
        if (way == NB_POLL || way == NB_SELECT || way == NB_EPOLL_WAIT) continue;
        struct nd_pair pair = nb_pair();
        struct mover mover = {.thread = pthread_self(), .fd = pair.client};
        struct pollfd entry = {.fd = pair.client, .events = POLLIN};
        struct epoll_event event;
        fd_set in;
        int set = nb_set(), result;
        nb_add(set, pair.client, EPOLLIN);
        FD_ZERO(&in);
        FD_SET(pair.client, &in);
        seen = 0;
        struct nd_thread thread = nd_start(kill_and_move, &mover);
        int64_t start = nd_now();
        // The writes end at 430 ms: the wait is taken up again at 400, and the program's timeout comes before the deadline.
        switch (way) {
        case NB_PPOLL: result = ppoll(&entry, 1, nb_timespec(&at, 600), &closed); break;
        case NB_PSELECT: result = pselect(pair.client + 1, &in, NULL, NULL, nb_timespec(&at, 600), &closed); break;
        case NB_EPOLL_PWAIT: result = epoll_pwait(set, &event, 1, 600, &closed); break;
        default: result = epoll_pwait2(set, &event, 1, nb_timespec(&at, 600), &closed); break;
        }
        CHECK_EQ(result, 0);
        CHECK_EQ(seen, 1);
        if (seen_at < start + 600 * MS) FAIL("the handler ran %.3f ms into the wait", (double)(seen_at - start) / 1e6);
        nd_join(thread, 3 * SEC);
        close(set);
        nd_pair_close(&pair);
    }
    return 0;
}
