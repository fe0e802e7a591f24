// With SA_RESTART a read and a connect go on after the handler; but a read under SO_RCVTIMEO ends with EINTR all the same.
// Source: signal(7); SEMANTICS "Blocking calls", EINTR.
//
// native: yes
// env: none
// env: NETDEADLINE_READ=5s NETDEADLINE_CONNECT=8s
#include "nd_test.h"

static volatile sig_atomic_t seen;
static void on_signal(int number) {
    (void)number;
    seen = seen + 1;
}
static pthread_t target;
static void *interrupt(void *unused) {
    nd_sleep(200 * MS);
    pthread_kill(target, SIGUSR1);
    return unused;
}
static struct nd_hole hole;
static void *open_later(void *unused) {
    nd_sleep(500 * MS);
    nd_open_hole(&hole);
    return unused;
}

int main(void) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    target = pthread_self();
    struct nd_pair pair = nd_tcp_pair();
    struct nd_later later;
    char byte;
    struct nd_thread sender = nd_start(interrupt, NULL);
    nd_send_later(&later, pair.peer, 600 * MS, "x", 1);
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    CHECK_EQ(seen, 1);
    nd_join(sender, 5 * SEC);
    nd_later_join(&later);

    nd_set_timeout(pair.client, SO_RCVTIMEO, 4 * SEC);
    sender = nd_start(interrupt, NULL);
    int64_t start = nd_now();
    CHECK_ERRNO(read(pair.client, &byte, 1), EINTR);
    CHECK_AT_ONCE(start, 3 * SEC);
    CHECK_EQ(seen, 2);
    nd_join(sender, 5 * SEC);

    hole = nd_black_hole();
    int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
    sender = nd_start(interrupt, NULL);
    struct nd_thread opener = nd_start(open_later, NULL);
    CHECK_EQ(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), 0);
    CHECK_EQ(seen, 3);
    nd_join(sender, 5 * SEC);
    nd_join(opener, 5 * SEC);
    CHECK_NO_RECORDS();
    return 0;
}
