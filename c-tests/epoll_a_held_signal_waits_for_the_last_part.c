// A signal that epoll_pwait's mask holds back is held back over all the parts that a wait is made of, and not longer: a wait that the
// set's timer ends again and again (the deadline has moved meanwhile) delivers it when it is over; and a wait that fails in a set of
// another process, whose timer ended its first part, leaves the thread's mask as it was.
// Source: epoll_wait(2), epoll_pwait: the mask holds for the call, as if it were set, waited, and set again.
//
// native: yes
// env: NETDEADLINE_READ=600ms
#include "nb_wait.h"

static volatile sig_atomic_t held, let_in;
static int64_t held_at;
static void handler(int number) {
    held += number == SIGUSR1;
    let_in += number == SIGUSR2;
    if (number == SIGUSR1) held_at = nd_now();
}

// A request each 100 ms moves the read deadline; where it stood before, the set's timer ends a part.
struct mover {
    pthread_t waiter;
    int fd, when;
};
static void *move_and_kill(void *argument) {
    struct mover *mover = argument;
    for (int i = 0; i < 12; i++) {
        nd_sleep(100 * MS);
        CHECK_EQ(write(mover->fd, "q", 1), 1);
        if (i == mover->when) pthread_kill(mover->waiter, SIGUSR1);
    }
    return NULL;
}

// The signal comes after so many requests: in the first part, which is over at 600 ms, or in a later one.
static void wait_in_parts(enum nb_way way, int when, const sigset_t *mask) {
    struct nd_pair pair = nb_pair();
    struct mover mover = {.waiter = pthread_self(), .fd = pair.client, .when = when};
    struct timespec at;
    struct epoll_event event;
    int set = nb_set();
    nb_add(set, pair.client, EPOLLIN);
    // A wait just before: the next is made at once, and left to the set's timer.
    CHECK_EQ(nb_epoll(way, set, &event, 1, 1), 0);
    held = 0;
    struct nd_thread thread = nd_start(move_and_kill, &mover);
    int64_t start = nd_now();
    int got = way == NB_EPOLL_PWAIT ? epoll_pwait(set, &event, 1, 1400, mask) : epoll_pwait2(set, &event, 1, nb_timespec(&at, 1400), mask);
    CHECK_EQ(got, 0);
    CHECK_ENDED_AT(start, 1400 * MS);
    nd_join(thread, 5 * SEC);
    CHECK_EQ(held, 1);
    if (held_at < start + 1400 * MS) FAIL("the handler ran %.3f ms into the wait", (double)(held_at - start) / 1e6);
    close(set);
    nd_pair_close(&pair);
}

// The set is the parent's, and so is the timer in it.
static void *interrupt(void *waiter) {
    nd_sleep(1000 * MS);
    pthread_kill(*(pthread_t *)waiter, SIGUSR2);
    return NULL;
}
static int inheritor(int set) {
    sigset_t mask, before, behind;
    pthread_t self = pthread_self();
    struct epoll_event event;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    MUST(-pthread_sigmask(SIG_BLOCK, NULL, &before));
    struct nd_thread thread = nd_start(interrupt, &self);
    int64_t start = nd_now();
    CHECK_ERRNO(epoll_pwait(set, &event, 1, 5000, &mask), EINTR);
    CHECK_ENDED_AT(start, 900 * MS);
    CHECK_EQ(let_in, 1);
    MUST(-pthread_sigmask(SIG_BLOCK, NULL, &behind));
    CHECK_EQ(sigismember(&before, SIGUSR1), 0);
    CHECK_EQ(sigismember(&behind, SIGUSR1), 0);
    nd_join(thread, 3 * SEC);
    return 0;
}
static void wait_in_a_set_of_another_process(void) {
    struct nd_pair pair = nb_pair();
    int set = MUST(epoll_create1(0));
    nb_add(set, pair.client, EPOLLIN);
    pid_t child = MUST(fork());
    if (!child) {
        char number[16];
        snprintf(number, sizeof number, "%d", set);
        execl("/proc/self/exe", "inheritor", number, (char *)NULL);
        _exit(126);
    }
    CHECK_CHILD_OK(child, 6 * SEC);
    close(set);
    nd_pair_close(&pair);
}

int main(int count, char **arguments) {
    struct sigaction action = {.sa_handler = handler};
    sigset_t mask;
    MUST(sigaction(SIGUSR1, &action, NULL));
    MUST(sigaction(SIGUSR2, &action, NULL));
    if (count == 2) return inheritor(atoi(arguments[1]));
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    for (int when = 0; when <= 6; when += 6) {
        wait_in_parts(NB_EPOLL_PWAIT, when, &mask);
        wait_in_parts(NB_EPOLL_PWAIT2, when, &mask);
    }
    wait_in_a_set_of_another_process();
    return 0;
}
