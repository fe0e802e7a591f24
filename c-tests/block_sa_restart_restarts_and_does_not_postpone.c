// A signal whose handler has SA_RESTART does not end a read, and a shower of them does not move its deadline. A handler
// without SA_RESTART whose signal is blocked changes nothing.
// Source: signal(7); SEMANTICS "Blocking calls", EINTR.
//
// env: NETDEADLINE_READ=1s
#include "nd_test.h"

static volatile sig_atomic_t seen;
static void on_signal(int number) {
    (void)number;
    seen = seen + 1;
}
static pthread_t target;
static volatile bool done;
static void *shower(void *unused) {
    for (int i = 0; i < 400 && !done; i++) {
        nd_sleep(20 * MS);
        pthread_kill(target, SIGUSR1);
    }
    return unused;
}

int main(void) {
    struct sigaction restart = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, plain = {.sa_handler = on_signal};
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    sigaction(SIGUSR1, &restart, NULL);
    sigaction(SIGUSR2, &plain, NULL);
    target = pthread_self();
    struct nd_pair pair = nd_tcp_pair();
    char byte;
    struct nd_thread sender = nd_start(shower, NULL);
    int64_t start = nd_now();
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_ENDED_AT(start, 1 * SEC);
    done = true;
    nd_join(sender, 12 * SEC);
    CHECK(seen >= 5);
    CHECK_RECORDS("read", 1);
    return 0;
}
