// A signal whose handler has no SA_RESTART ends every wait with EINTR: read, write, connect, accept, poll.
// Source: signal(7); SEMANTICS "Blocking calls", EINTR.
//
// native: yes
// env: none
// env: NETDEADLINE_READ=5s NETDEADLINE_WRITE=5s NETDEADLINE_CONNECT=5s
#include "nd_test.h"

static volatile sig_atomic_t seen;
static void on_signal(int number) {
    (void)number;
    seen = seen + 1;
}
static pthread_t target;
static void *interrupt(void *unused) {
    nd_sleep(300 * MS);
    pthread_kill(target, SIGUSR1);
    return unused;
}
#define CHECK_INTERRUPTED(call)                                                                                        \
    do {                                                                                                               \
        struct nd_thread sender = nd_start(interrupt, NULL);                                                           \
        int64_t start = nd_now();                                                                                      \
        int before = seen;                                                                                             \
        CHECK_ERRNO(call, EINTR);                                                                                      \
        CHECK_EQ(seen, before + 1);                                                                                    \
        CHECK_AT_ONCE(start, 3 * SEC);                                                                                 \
        nd_join(sender, 5 * SEC);                                                                                      \
    } while (0)

int main(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    target = pthread_self();
    struct nd_pair pair = nd_tcp_pair(), full = nd_zero_window();
    struct nd_hole hole = nd_black_hole();
    struct sockaddr_in at;
    int listener = nd_listener(1, &at), fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
    struct pollfd entry = {.fd = pair.client, .events = POLLIN};
    char byte = 0;
    CHECK_INTERRUPTED(read(pair.client, &byte, 1));
    CHECK_INTERRUPTED(recv(pair.client, &byte, 1, 0));
    CHECK_INTERRUPTED(write(full.client, &byte, 1));
    CHECK_INTERRUPTED(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at));
    CHECK_EQ(nd_tcp_state(fd), TCP_SYN_SENT);
    CHECK_EQ(nd_kernel_timeout_ms(fd, SO_SNDTIMEO), 0);
    CHECK_INTERRUPTED(accept(listener, NULL, NULL));
    CHECK_INTERRUPTED(poll(&entry, 1, 4000));
    CHECK_NO_RECORDS();
    return 0;
}
