// A thread is cancelled out of a movable wait a thousand times, at every point of it: its clean-up handlers run, no
// descriptor is left behind for each, and the next wait on that socket is bounded, movable and gets its data.
// Source: SEMANTICS "Blocking calls", last line; pthread_cancel(3).
//
// api: linked preloaded dlopened
#include "api.h"

// Not sanitized: AddressSanitizer unwinds a cancelled thread's frames by itself, and its report is about that.
#define ROUNDS 1000

static struct nd_pair pair, full;
static int listener;
static atomic_int cleaned;
static void clean(void *unused) {
    (void)unused;
    atomic_fetch_add(&cleaned, 1);
}
static void *waits(void *which) {
    pthread_cleanup_push(clean, NULL);
    switch (*(int *)which % 5) {
    case 0: api_write_calls[0].make(full.client, "w"); break;
    case 1: api_accept_calls[API_ACCEPT_CALLS - 1].make(listener, NULL); break;
    default: api_read_calls[(size_t)*(int *)which % API_READ_CALLS].make(pair.client, (char[1]){0});
    }
    pthread_cleanup_pop(0);
    return NULL;
}
static int descriptors(void) {
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) count += nd_raw(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0) >= 0;
    return count;
}

int main(void) {
    struct sockaddr_in in;
    struct api_op op;
    int early = 0;
    pair = api_pair(API_TCP);
    full = api_full_pair(API_UNIX);
    listener = nd_listener(8, &in);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t far = i % 3 ? nd_now() + 60 * SEC : 0;
        CHECK_EQ(nd_set_deadline(pair.client, far), 0);
        CHECK_EQ(nd_set_deadline(full.client, far), 0);
        CHECK_EQ(nd_set_deadline(listener, far), 0);
        struct nd_thread thread = nd_start(waits, &i);
        // Before it waits, while it begins to, and when it does; every move meets some of them.
        if (i % 4) nd_sleep(i % 4 * 100000);
        if (i % 2) CHECK_EQ(nd_set_deadline(pair.client, nd_now() + 50 * SEC), 0);
        CHECK_EQ(pthread_cancel(thread.id), 0);
        CHECK(nd_join(thread, 10 * SEC) == PTHREAD_CANCELED);
        if (i == ROUNDS / 4) early = descriptors();
        if (i % 100) continue;
        CHECK_EQ(nd_set_deadline(pair.client, nd_now() + 60 * SEC), 0);
        api_block(&op, &api_read_calls[0], pair.client);
        int64_t now = nd_now();
        CHECK_EQ(nd_set_deadline(pair.client, now), 0);
        CHECK_OP_EXPIRED(&op, now);
        CHECK_EQ(nd_set_deadline(pair.client, 0), 0);
        api_block(&op, &api_read_calls[0], pair.client);
        CHECK_EQ(nd_raw_write(pair.peer, "d", 1), 1);
        CHECK_OP_MOVED(&op);
    }
    CHECK(atomic_load(&cleaned) > ROUNDS / 2);
    int late = descriptors();
    if (late > early + 16) FAIL("%d descriptors after %d rounds, %d after %d", late, ROUNDS, early, ROUNDS / 4);
    return 0;
}
