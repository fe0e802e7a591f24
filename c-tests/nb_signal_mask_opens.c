// A signal that only the mask of ppoll, pselect, epoll_pwait or epoll_pwait2 lets through ends the wait with EINTR, at once if
// it was pending, also in a wait that was taken up again because the deadline had moved. The mask is the old one after it.
// Source: SEMANTICS "Non-blocking sockets"; ppoll(2): atomically.
//
// native: yes
// env: NETDEADLINE_READ=300ms
// env: none
#include "nb_wait.h"

static volatile sig_atomic_t seen;
static void handler(int number) { seen += number == SIGUSR1; }

// Writes, so that the read deadline moves and the wait is taken up again, then sends the signal.
struct mover {
    pthread_t thread;
    int fd, writes;
};
static void *move_and_kill(void *argument) {
    struct mover *mover = argument;
    for (int i = 0; i < mover->writes; i++) {
        nd_sleep(80 * MS);
        CHECK_EQ(write(mover->fd, "q", 1), 1);
    }
    pthread_kill(mover->thread, SIGUSR1);
    return NULL;
}
static int masked_wait(enum nb_way way, int fd, int timeout, const sigset_t *mask) {
    struct timespec at;
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    struct epoll_event event;
    fd_set in;
    int result, set = -1;
    if (way == NB_PPOLL) {
        result = ppoll(&entry, 1, nb_timespec(&at, timeout), mask);
    } else if (way == NB_PSELECT) {
        FD_ZERO(&in);
        FD_SET(fd, &in);
        result = pselect(fd + 1, &in, NULL, NULL, nb_timespec(&at, timeout), mask);
    } else {
        set = nb_set();
        nb_add(set, fd, EPOLLIN);
        if (way == NB_EPOLL_PWAIT) result = epoll_pwait(set, &event, 1, timeout, mask);
        else result = epoll_pwait2(set, &event, 1, nb_timespec(&at, timeout), mask);
    }
    if (result < 0) result = -errno;
    if (set >= 0) close(set);
    return result;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler};
    sigset_t closed, open, now;
    MUST(sigaction(SIGUSR1, &action, NULL));
    sigemptyset(&open);
    sigemptyset(&closed);
    sigaddset(&closed, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &closed, NULL);
    NB_EACH_WAY(way) {
        if (way == NB_POLL || way == NB_SELECT || way == NB_EPOLL_WAIT) continue;
        struct nd_pair pair = nb_pair();
        struct mover mover = {.thread = pthread_self(), .fd = pair.client, .writes = 6};
        seen = 0;
        pthread_kill(pthread_self(), SIGUSR1);
        CHECK_EQ(seen, 0);
        CHECK_EQ(masked_wait(way, pair.client, 5000, &open), -EINTR);
        CHECK_EQ(seen, 1);
        struct nd_thread thread = nd_start(move_and_kill, &mover);
        int64_t start = nd_now();
        CHECK_EQ(masked_wait(way, pair.client, 5000, &open), -EINTR);
        CHECK_ENDED_AT(start, 480 * MS);
        CHECK_EQ(seen, 2);
        nd_join(thread, 3 * SEC);
        pthread_sigmask(SIG_SETMASK, NULL, &now);
        CHECK_EQ(sigismember(&now, SIGUSR1), 1);
        nd_pair_close(&pair);
    }
    CHECK_NO_RECORDS();
    return 0;
}
