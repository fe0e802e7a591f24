// A signal handler jumps out of a movable wait a thousand times; no descriptor is left behind for each, and the next
// wait is bounded, movable and gets its data.
// Source: SEMANTICS "Blocking calls", last line (siglongjmp).
//
// api: linked preloaded dlopened
// cflags: -Wl,-z,now
#include "api.h"
#include <setjmp.h>
#include <sys/time.h>

// Not sanitized: AddressSanitizer knows nothing of frames that a handler left by a jump on the thread's own stack.
#define ROUNDS 1000

static sigjmp_buf back;
static void leave(int number) {
    (void)number;
    siglongjmp(back, 1);
}
static int descriptors(void) {
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) count += nd_raw(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0) >= 0;
    return count;
}

int main(void) {
    struct sigaction action = {.sa_handler = leave, .sa_flags = SA_RESTART};
    struct nd_pair pair = api_pair(API_TCP), full = api_full_pair(API_UNIX);
    struct sockaddr_in in;
    struct api_op op;
    sigset_t alarm;
    int listener = nd_listener(8, &in), early = 0;
    MUST(sigaction(SIGALRM, &action, NULL));
    // Threads of the test are not to be the ones that jump.
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    for (volatile int i = 0; i < ROUNDS; i++) {
        int64_t far = i % 3 ? nd_now() + 60 * SEC : 0;
        CHECK_EQ(nd_set_deadline(pair.client, far), 0);
        CHECK_EQ(nd_set_deadline(full.client, far), 0);
        CHECK_EQ(nd_set_deadline(listener, far), 0);
        if (!sigsetjmp(back, 1)) {
            struct itimerval soon = {.it_value = {.tv_usec = 50 + i % 10 * 50}};
            setitimer(ITIMER_REAL, &soon, NULL);
            struct pollfd entry = {.fd = pair.client, .events = POLLIN};
            char byte = 'w';
            switch (i % 6) {
            case 0: api_write_calls[0].make(full.client, &byte); break;
            case 1: api_accept_calls[API_ACCEPT_CALLS - 1].make(listener, NULL); break;
            case 2: io_poll(&entry, 1, 60000); break;
            default: api_read_calls[(size_t)i % API_READ_CALLS].make(pair.client, &byte);
            }
            FAIL("wait %d ended by itself: %s", i, strerror(errno));
        }
        if (i == ROUNDS / 4) early = descriptors();
        if (i % 100) continue;
        pthread_sigmask(SIG_BLOCK, &alarm, NULL);
        CHECK_EQ(nd_set_deadline(pair.client, nd_now() + 60 * SEC), 0);
        api_block(&op, &api_read_calls[0], pair.client);
        int64_t now = nd_now();
        CHECK_EQ(nd_set_deadline(pair.client, now), 0);
        CHECK_OP_EXPIRED(&op, now);
        CHECK_EQ(nd_set_deadline(pair.client, 0), 0);
        api_block(&op, &api_read_calls[0], pair.client);
        CHECK_EQ(nd_raw_write(pair.peer, "d", 1), 1);
        CHECK_OP_MOVED(&op);
        pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
    }
    int late = descriptors();
    if (late > early + 16) FAIL("%d descriptors after %d rounds, %d after %d", late, ROUNDS, early, ROUNDS / 4);
    return 0;
}
