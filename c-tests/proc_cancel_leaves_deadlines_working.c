// After threads were cancelled out of a wait on a socket, its deadline still holds for everyone else.
// Source: SEMANTICS "Blocking calls": no counter or lock may depend on what follows a wait.
//
// env: NETDEADLINE_READ=600ms
#include "nd_calls.h"

static int fd;
static void *reads(void *unused) {
    char byte;
    (void)!read(fd, &byte, 1);
    return unused;
}

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    struct nd_made made;
    fd = pair.client;
    for (int i = 0; i < 20; i++) {
        struct nd_thread thread = nd_start(reads, NULL);
        nd_sleep(5 * MS);
        pthread_cancel(thread.id);
        CHECK(nd_join(thread, 4 * SEC) == PTHREAD_CANCELED);
    }
    nd_sleep(800 * MS);
    nd_make(&made, &nd_read_calls[0], fd);
    nd_made_wait(&made);
    CHECK_TIMED_OUT(&made, 600 * MS);
    return 0;
}
