// Notes in a socket's error queue (MSG_ZEROCOPY, time stamps) make poll say POLLERR for ever. A blocking read waits nevertheless,
// without burning the processor, and until its deadline.
// Source: SEMANTICS "Blocking calls" ("do not spin"); linux/Documentation/networking/msg_zerocopy.rst.
//
// env: NETDEADLINE_READ=600ms
// cap: 12
#include "nd_test.h"
#include <sys/resource.h>
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

static void handler(int signal) { (void)signal; }

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    static char block[32768];
    int on = 1;
    char byte;
    struct sigaction action = {.sa_handler = handler};
    MUST(sigaction(SIGALRM, &action, NULL));
    if (setsockopt(pair.client, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on)) SKIP("no SO_ZEROCOPY");
    CHECK_EQ(send(pair.client, block, sizeof block, MSG_ZEROCOPY), (ssize_t)sizeof block);
    nd_sleep(50 * MS);
    nd_drain(pair.peer);
    nd_sleep(50 * MS);
    struct pollfd entry = {.fd = pair.client, .events = 0};
    struct timespec zero = {0};
    nd_raw(SYS_ppoll, (long)&entry, 1, (long)&zero, 0, 8, 0);
    if (!(entry.revents & POLLERR)) SKIP("nothing in the error queue (0x%x)", entry.revents);
    struct rusage before, after;
    getrusage(RUSAGE_THREAD, &before);
    int64_t start = nd_now();
    alarm(4);
    ssize_t got = read(pair.client, &byte, 1);
    int error = errno;
    double took = (double)(nd_now() - start) / 1e6;
    getrusage(RUSAGE_THREAD, &after);
    double cpu = (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1e3 +
                 (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e3;
    fprintf(stderr, "read: %zd errno %d after %.1f ms, %.1f ms of processor\n", got, error, took, cpu);
    CHECK_EQ(got, -1);
    CHECK_EQ(error, ETIMEDOUT);
    CHECK_ENDED_AT(start, 600 * MS);
    CHECK(cpu < 100);
    return 0;
}
