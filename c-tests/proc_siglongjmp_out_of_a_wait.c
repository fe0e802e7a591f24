// A program that leaves its waits by siglongjmp from a signal handler (as shells and old clients do) finds every deadline
// working afterwards, however often it did so.
// Source: SEMANTICS "Blocking calls", last line.
//
// env: NETDEADLINE_READ=3s NETDEADLINE_WRITE=3s NETDEADLINE_CONNECT=2s
#include "nd_calls.h"
#include <setjmp.h>
#include <sys/time.h>

static sigjmp_buf back;
static void leave(int number) {
    (void)number;
    siglongjmp(back, 1);
}

int main(void) {
    struct sigaction action = {.sa_handler = leave, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    struct nd_pair pair = nd_tcp_pair(), full = nd_zero_window();
    struct nd_hole hole = nd_black_hole();
    volatile int left = 0;
    volatile int64_t began = nd_now();
    char byte;
    // Waits with so little between them are one to the rules: where all of them together take longer than a deadline, one of them
    // ends by it, and rightly. On a busy machine three milliseconds may be thirty; so there are fewer of them there.
    for (volatile int i = 0; i < 120 && (i < 20 || nd_now() < began + 1000 * MS); i++) {
        volatile int fd = -1;
        if (!sigsetjmp(back, 1)) {
            struct itimerval soon = {.it_value = {.tv_usec = 3000}};
            setitimer(ITIMER_REAL, &soon, NULL);
            struct pollfd entry = {.fd = pair.client, .events = POLLIN};
            switch (i % 4) {
            case 0: (void)!read(pair.client, &byte, 1); break;
            case 1: (void)!write(full.client, "x", 1); break;
            case 2: poll(&entry, 1, 300); break;
            default:
                fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
                connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at);
            }
            FAIL("wait %d ended by itself: %s", i % 4, strerror(errno));
        }
        left = left + 1;
        if (fd >= 0) close(fd);
    }
    CHECK(left >= 20);
    CHECK_NO_RECORDS();
    nd_sleep(600 * MS);
    struct nd_made made;
    nd_make(&made, &nd_read_calls[0], pair.client);
    nd_made_wait(&made);
    CHECK_TIMED_OUT(&made, 3000 * MS);
    int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
    int64_t start = nd_now();
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), ETIMEDOUT);
    CHECK_ENDED_AT(start, 2000 * MS);
    CHECK_EQ(nd_kernel_timeout_ms(fd, SO_SNDTIMEO), 0);
    return 0;
}
