// A vfork child that vforks has its memory on loan: the parent's other threads go on under their deadlines meanwhile, and
// when all of it is over the parent's memory is its own.
// Source: SEMANTICS "fds and processes": a vfork child may read the tables, never write them.
//
// env: NETDEADLINE_READ=300ms
#include "fd_nd.h"

static struct nd_pair pair;
static volatile int begun;
static void *other_thread(void *unused) {
    (void)unused;
    while (!begun) nd_sleep(MS);
    int64_t start = nd_now();
    char byte;
    ssize_t got = read(pair.client, &byte, 1);
    CHECK(got == -1 && errno == ETIMEDOUT);
    CHECK_ENDED_AT(start, 300 * MS);
    // A number that is closed now is a blank page, though a child is using our memory.
    struct fd_served served = fd_serve();
    CHECK_EQ(dup2(served.served, pair.client), pair.client);
    CHECK_READ_WAITS(pair.client, served.client, 500 * MS);
    return NULL;
}

int main(void) {
    pair = nd_tcp_pair();
    struct nd_thread other = nd_start(other_thread, NULL);
    pid_t child = vfork();
    if (child == 0) {
        pid_t grandchild = vfork();
        if (grandchild == 0) {
            close(pair.client);
            begun = 1;
            nd_sleep(500 * MS);
            _exit(0);
        }
        nd_sleep(900 * MS);
        _exit(grandchild > 0 ? 0 : 1);
    }
    CHECK(child > 0);
    CHECK_CHILD_OK(child, 5 * SEC);
    nd_join(other, 10 * SEC);
    struct nd_pair later = nd_tcp_pair();
    CHECK_READ_TIMES_OUT(later.client, 300 * MS);
    return 0;
}
