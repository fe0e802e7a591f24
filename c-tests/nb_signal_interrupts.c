// A signal with a handler ends each wait with EINTR, SA_RESTART or not, with a deadline armed and without.
// Source: signal(7), "Interruption of system calls": select, poll, epoll_wait are never restarted; TRAPS: libvma #719.
//
// native: yes
// env: NETDEADLINE_READ=3s
// env: none
// needs: musl
#include "nb_wait.h"

static volatile sig_atomic_t seen;
static void handler(int number) { seen += number == SIGUSR1; }
static void *killer(void *argument) {
    pthread_t *thread = argument;
    nd_sleep(60 * MS);
    pthread_kill(*thread, SIGUSR1);
    return NULL;
}

int main(void) {
    pthread_t self = pthread_self();
    for (int restart = 0; restart < 2; restart++) {
        struct sigaction action = {.sa_handler = handler, .sa_flags = restart ? SA_RESTART : 0};
        MUST(sigaction(SIGUSR1, &action, NULL));
        NB_EACH_WAY(way) {
            struct nd_pair pair = nb_pair();
            struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
            seen = 0;
            struct nd_thread thread = nd_start(killer, &self);
            int64_t start = nd_now();
            CHECK_EQ(nb_wait(&waiter, restart ? 2500 : -1), -EINTR);
            CHECK_ENDED_AT(start, 50 * MS);
            CHECK_EQ(seen, 1);
            nd_join(thread, 3 * SEC);
            nb_done(&waiter);
            nd_pair_close(&pair);
        }
    }
    CHECK_NO_RECORDS();
    return 0;
}
