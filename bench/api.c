// Times calls of the C API, and plain calls of a program that uses it, in batches on demand; the protocol is calls.c's.
//
//   api ROLE KIND
//
// Roles: `none` makes no nd_ call; `elsewhere` sets a deadline on another socket, and so has every wait movable; `deadline` sets
// one on all sockets of the kind; `scope` enters one. All end in an hour: what is measured is what it costs to be watched.
// Compiled twice, linked to the library and not: there only `none` works, since the names are weak. Statistics belong in the
// driver.
#include "bench.h"
#include <netdeadline.h>
#include <pthread.h>

#pragma weak nd_now
#pragma weak nd_set_deadline
#pragma weak nd_set_read_deadline
#pragma weak nd_get_deadlines
#pragma weak nd_scope_enter
#pragma weak nd_scope_leave
#pragma weak nd_read

#define HOUR 3600000000000

static int in = -1, out = -1, set = -1;
static struct pollfd entry;
static char byte = 'x', buffer[65536];
static int64_t when;

// A failed call must never pass for a fast one.
#define EXPECT(call, wanted)                                                                                                   \
    do {                                                                                                                       \
        if (__builtin_expect((call) != (wanted), 0)) DIE("%s is not %s", #call, #wanted);                                      \
    } while (0)

static void tcp(void)
{
    struct sockaddr_in address;
    int at = listener(&address), one = 1;
    out = connected(&address);
    in = MUST(accept(at, NULL, NULL));
    MUST(setsockopt(in, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    own.close(at);
}
static void unix_pair(void)
{
    int pair[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    in = pair[0], out = pair[1];
}
static void silent(void)
{
    tcp();
    set_nonblocking(in);
}
static void ready(void)
{
    silent();
    EXPECT(own.send(out, &byte, 1, 0), 1);
    entry = (struct pollfd){.fd = in, .events = POLLIN};
}
static void in_a_set(void)
{
    ready();
    set = MUST(epoll_create1(EPOLL_CLOEXEC));
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 7};
    MUST(epoll_ctl(set, EPOLL_CTL_ADD, in, &event));
}
static void in_a_silent_set(void)
{
    in_a_set();
    EXPECT(own.recv(in, buffer, 1, 0), 1);
}
static void *wait_for_ever(void *unused)
{
    recv(in, buffer, 1, 0);
    DIE("the waiter came back");
    return unused;
}
static void with_a_waiter(void)
{
    pthread_t thread;
    tcp();
    nd_set_deadline(in, nd_now() + HOUR);
    MUST(-pthread_create(&thread, NULL, wait_for_ever, NULL));
    sleep_until(now_ns() + 50000000);
}

static void fill(int n)
{
    for (int left = n; left > 0; left -= (int)sizeof buffer)
        MUST(own.write(out, buffer, left < (int)sizeof buffer ? (size_t)left : sizeof buffer));
}
static void nothing(int n) { (void)n; }
static void nothing_at_all(void) {}
static void begin_now(int n)
{
    (void)n;
    when = nd_now() + HOUR;
}

static void begin_and_fill(int n)
{
    begin_now(n);
    fill(n);
}

// The deadline that the waiter went to sleep with, or was last woken for, is later than each that is set now.
static void begin_earlier(int n)
{
    (void)n;
    if (!when) when = nd_now() + HOUR / 2;
}

#define LOOP(...)                                                                                                              \
    for (int i = 0; i < n; i++) { __VA_ARGS__; }

static void run_read(int n) { LOOP(EXPECT(read(in, buffer, 1), 1)) }
static void run_nd_read(int n) { LOOP(EXPECT(nd_read(in, buffer, 1), 1)) }
static void run_recv(int n) { LOOP(EXPECT(recv(in, buffer, 1, 0), 1)) }
// Every variant drains with libc's own function; that part is the same in all.
static void run_write(int n)
{
    LOOP(EXPECT(write(out, buffer, 1), 1); if (i % 16 == 15) MUST(own.recv(in, buffer, sizeof buffer, MSG_DONTWAIT)))
}
static void run_eagain(int n) { LOOP(EXPECT(recv(in, buffer, 1, 0), -1)) }
static void run_poll(int n) { LOOP(EXPECT(poll(&entry, 1, -1), 1)) }
static void run_epoll(int n)
{
    struct epoll_event events[16] = {0};
    LOOP(EXPECT(epoll_wait(set, events, 16, -1), 1))
}

static void run_clock(int n)
{
    uint64_t sum = 0;
    LOOP(sum += now_ns())
    EXPECT(sum > 0, 1);
}
static void run_now(int n)
{
    int64_t sum = 0;
    LOOP(sum += nd_now())
    EXPECT(sum > 0, 1);
}
// Each extends it a little, as a program does after every success that has an idle timeout.
static void run_set(int n) { LOOP(EXPECT(nd_set_deadline(in, when += 1000), 0)) }
static void run_set_read(int n) { LOOP(EXPECT(nd_set_read_deadline(in, when += 1000), 0)) }
static void run_set_earlier(int n) { LOOP(EXPECT(nd_set_deadline(in, when -= 1000), 0)) }
static void run_set_and_clear(int n) { LOOP(EXPECT(nd_set_deadline(in, i % 2 ? 0 : when), 0)) }
static void run_get(int n)
{
    int64_t reads, writes;
    LOOP(EXPECT(nd_get_deadlines(in, &reads, &writes), 0))
}
static void run_scope(int n) { LOOP(int64_t scope = nd_scope_enter(when); EXPECT(nd_scope_leave(scope), 0)) }
static void run_set_and_recv(int n) { LOOP(EXPECT(nd_set_read_deadline(in, when += 1000), 0); EXPECT(recv(in, buffer, 1, 0), 1)) }

static const struct kind {
    const char *name;
    int batch; // calls of one batch: some milliseconds of work
    void (*set_up)(void);
    void (*before)(int);
    void (*run)(int);
} kinds[] = {
    {"read-tcp", 8000, tcp, fill, run_read},
    {"recv-tcp", 8000, tcp, fill, run_recv},
    {"nd-read-tcp", 8000, tcp, fill, run_nd_read},
    {"write-tcp", 1600, tcp, nothing, run_write},
    {"read-unix", 8000, unix_pair, fill, run_read},
    {"write-unix", 3200, unix_pair, nothing, run_write},
    {"eagain", 8000, silent, nothing, run_eagain},
    {"poll", 8000, ready, nothing, run_poll},
    {"epoll", 8000, in_a_set, nothing, run_epoll},
    {"clock", 100000, nothing_at_all, nothing, run_clock},
    {"now", 100000, nothing_at_all, nothing, run_now},
    {"set", 50000, tcp, begin_now, run_set},
    {"set-read", 50000, tcp, begin_now, run_set_read},
    {"set-unix", 50000, unix_pair, begin_now, run_set},
    {"set-clear", 50000, tcp, begin_now, run_set_and_clear},
    {"set-epoll", 50000, in_a_silent_set, begin_now, run_set},
    {"set-waiter", 50000, with_a_waiter, begin_now, run_set},
    {"set-waiter-earlier", 2000, with_a_waiter, begin_earlier, run_set_earlier},
    {"get", 50000, tcp, nothing, run_get},
    {"scope", 50000, tcp, begin_now, run_scope},
    {"set-recv", 8000, tcp, begin_and_fill, run_set_and_recv},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static void begin_role(const char *role)
{
    if (!strcmp(role, "none")) return;
    if (!nd_now) DIE("role %s in a program that is not linked", role);
    int64_t end = nd_now() + HOUR;
    if (!strcmp(role, "elsewhere")) {
        int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        MUST(nd_set_deadline(fd, end));
    } else if (!strcmp(role, "deadline")) {
        MUST(nd_set_deadline(in, end));
        MUST(nd_set_deadline(out, end));
    } else if (!strcmp(role, "scope")) {
        if (nd_scope_enter(end) < 0) DIE("nd_scope_enter");
    } else {
        DIE("no role %s", role);
    }
}

int main(int argc, char **argv)
{
    own_functions();
    const struct kind *kind = kinds;
    while (kind < kinds + KINDS && (argc != 3 || strcmp(argv[2], kind->name))) kind++;
    if (kind == kinds + KINDS) return fprintf(stderr, "usage: api ROLE KIND\n"), 2;
    kind->set_up();
    begin_role(argv[1]);
    puts("ready");
    fflush(stdout);
    for (char go; own.read(0, &go, 1) == 1;) {
        int warm = kind->batch / 8;
        kind->before(kind->batch + warm);
        kind->run(warm);
        uint64_t start = now_ns();
        kind->run(kind->batch);
        uint64_t answer[2] = {now_ns() - start, (uint64_t)kind->batch};
        EXPECT(own.write(1, answer, sizeof answer), (ssize_t)sizeof answer);
    }
    return 0;
}
