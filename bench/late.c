// How late a wait ends, and that it never ends early.
//
//   late deadlines N TIMEOUT_MS SPAN_MS    N silent connections in one epoll set, under a preload with read=TIMEOUT
//   late timers N TIMEOUT_MS SPAN_MS       the control: N timerfds instead
//   late recv N TIMEOUT_MS 0               one blocking connection, N times recv
//   late timer-read N TIMEOUT_MS 0         the control: one blocking timerfd
//   late kernel-recv N TIMEOUT_MS 0        SO_RCVTIMEO on a blocking connection, for comparison
//
// The waits begin spread evenly over SPAN, so that all N are running when the first ends. Prints one line each: ns after
// the earliest instant at which it may end, which was taken before the wait began; below 0 is early. Every wait must also
// end as a timeout, on the connection it belongs to. Exit 3: one did not. Statistics belong in the driver.
#include "bench.h"
#include <sys/timerfd.h>

#define MOST 10000

static int fds[MOST];
static uint64_t ends[MOST];
static int64_t late[MOST];

static void broken(const char *what, int i)
{
    fprintf(stderr, "wait %d: %s (%s)\n", i, what, strerror(errno));
    exit(3);
}

static void begin_timer(int fd, uint64_t timeout)
{
    struct itimerspec time = {.it_value = {(time_t)(timeout / 1000000000u), (long)(timeout % 1000000000u)}};
    MUST(timerfd_settime(fd, 0, &time, NULL));
}

static void many(int timers, int count, uint64_t timeout, uint64_t span)
{
    raise_limit(MOST + 100);
    int set = MUST(epoll_create1(EPOLL_CLOEXEC)), told = 0;
    if (timers)
        for (int i = 0; i < count; i++) fds[i] = MUST(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    else
        silent_connections(fds, count);
    for (int i = 0; i < count; i++) {
        // No interest yet: the wait of each begins below.
        struct epoll_event event = {.events = 0, .data.u32 = (uint32_t)i};
        if (!timers) set_nonblocking(fds[i]);
        MUST(epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &event));
    }
    uint64_t start = now_ns();
    for (int i = 0; i < count; i++) {
        sleep_until(start + span * (uint64_t)i / (uint64_t)count);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        ends[i] = now_ns() + timeout;
        if (timers) begin_timer(fds[i], timeout);
        MUST(epoll_ctl(set, EPOLL_CTL_MOD, fds[i], &event));
    }
    uint64_t give_up = now_ns() + timeout + 10000000000u;
    while (told < count) {
        struct epoll_event events[64];
        int n = epoll_wait(set, events, 64, 10000);
        uint64_t now = now_ns();
        if (n <= 0 || now > give_up) broken("not told within 10 s", told);
        for (int e = 0; e < n; e++) {
            int i = (int)events[e].data.u32;
            if (i >= count || fds[i] < 0) broken("told twice, or never asked for", i);
            late[i] = (int64_t)(now - ends[i]);
            uint64_t expirations;
            if (timers) {
                if (read(fds[i], &expirations, sizeof expirations) != sizeof expirations) broken("the timer is not due", i);
            } else if (recv(fds[i], &expirations, 1, 0) != -1 || errno != ETIMEDOUT) {
                broken("recv is not ETIMEDOUT", i);
            }
            MUST(close(fds[i]));
            fds[i] = -1;
            told++;
        }
    }
}

enum one { RECV, TIMER, KERNEL };

static void one(enum one how, int count, uint64_t timeout)
{
    int fd = -1;
    if (how == TIMER)
        fd = MUST(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    else
        silent_connections(&fd, 1);
    if (how == KERNEL) {
        struct timeval time = {.tv_sec = (time_t)(timeout / 1000000000u), .tv_usec = (long)(timeout % 1000000000u / 1000)};
        MUST(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    }
    for (int i = 0; i < count; i++) {
        uint64_t taken;
        ends[i] = now_ns() + timeout;
        if (how == TIMER) {
            begin_timer(fd, timeout);
            if (read(fd, &taken, sizeof taken) != sizeof taken) broken("the timer is not due", i);
        } else if (recv(fd, &taken, 1, 0) != -1 || errno != (how == RECV ? ETIMEDOUT : EAGAIN)) {
            broken("recv did not time out", i);
        }
        late[i] = (int64_t)(now_ns() - ends[i]);
    }
}

int main(int argc, char **argv)
{
    own_functions();
    if (argc != 5) {
        fprintf(stderr, "usage: late deadlines|timers|recv|timer-read|kernel-recv N TIMEOUT_MS SPAN_MS\n");
        return 2;
    }
    int count = atoi(argv[2]);
    uint64_t timeout = strtoull(argv[3], NULL, 10) * 1000000u, span = strtoull(argv[4], NULL, 10) * 1000000u;
    if (count < 1 || count > MOST) return 2;
    if (!strcmp(argv[1], "deadlines") || !strcmp(argv[1], "timers"))
        many(argv[1][0] == 't', count, timeout, span);
    else
        one(argv[1][0] == 'r' ? RECV : argv[1][0] == 't' ? TIMER : KERNEL, count, timeout);
    for (int i = 0; i < count; i++) printf("%lld\n", (long long)late[i]);
    return 0;
}
