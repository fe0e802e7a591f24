// Times one kind of call, in batches on demand.
//
//   calls NAME        prints "ready"; then for each byte on stdin runs a batch and answers two uint64: ns, calls
//   calls --count     runs every kind once under callgrind and has it dump the instructions of each
//
// The driver runs one process per variant of the preload and asks them in turn, so that what else the machine does hits
// all alike. What a variant is, and any statistics, belong in the driver.
#include "bench.h"

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_ZERO_STATS (void)0
#define CALLGRIND_DUMP_STATS_AT(name) (void)(name)
#endif

#define SETS 10000
#define MANY 1000

static int in = -1, out = -1, set = -1;
static int pipes[2];
static struct sockaddr_in address;
static struct pollfd entries[10];
static char byte = 'x', buffer[65536];

// A failed call must never pass for a fast one.
#define EXPECT(call, wanted)                                                                                                   \
    do {                                                                                                                       \
        if (__builtin_expect((call) != (wanted), 0)) DIE("%s is not %s", #call, #wanted);                                      \
    } while (0)

static void a_zero(void) { in = MUST(open("/dev/zero", O_RDONLY | O_CLOEXEC)); }
static void a_null(void) { out = MUST(open("/dev/null", O_WRONLY | O_CLOEXEC)); }
static void a_pipe(void)
{
    MUST(pipe(pipes));
    in = pipes[0], out = pipes[1];
}
static void a_ready_pipe(void)
{
    a_pipe();
    EXPECT(own.write(out, &byte, 1), 1);
}
// Both ends in this process: `out` connected, `in` accepted.
static void a_connection(void)
{
    int at = listener(&address);
    out = connected(&address);
    in = MUST(accept(at, NULL, NULL));
    int one = 1;
    MUST(setsockopt(in, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one));
    own.close(at);
}
static void a_nonblocking_connection(void)
{
    a_connection();
    set_nonblocking(out);
}
// The other end in a process that sends back what it gets, without any preload in the way.
static void an_echo(void)
{
    struct sockaddr_in at;
    int at_fd = listener(&at), one = 1;
    pid_t parent = getpid();
    if (MUST(fork()) == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        int fd = own.accept(at_fd, NULL, NULL);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        char c;
        while (own.recv(fd, &c, 1, 0) == 1 && own.send(fd, &c, 1, 0) == 1) {}
        _exit(0);
    }
    out = connected(&at);
}
static void a_listener(void) { in = listener(&address); }

static void ready_connections(int count)
{
    for (int i = 0; i < count; i++) {
        a_connection();
        EXPECT(own.send(in, &byte, 1, 0), 1);
        set_nonblocking(out);
        entries[i] = (struct pollfd){.fd = out, .events = POLLIN};
    }
}
static void one_ready(void) { ready_connections(1); }
static void ten_ready(void) { ready_connections(10); }
static void one_ready_pipe(void)
{
    a_ready_pipe();
    entries[0] = (struct pollfd){.fd = in, .events = POLLIN};
}

static void add(int fd, uint64_t data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = data};
    MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
}
static void a_set_with_a_ready_connection(void)
{
    ready_connections(1);
    set = MUST(epoll_create1(EPOLL_CLOEXEC));
    add(out, 7);
}
// A pipe that is always ready beside `count` connections on which nothing comes.
static void a_set_with(int count)
{
    static int fds[SETS];
    raise_limit(SETS + 100);
    a_ready_pipe();
    set = MUST(epoll_create1(EPOLL_CLOEXEC));
    add(in, 7);
    if (count) silent_connections(fds, count);
    for (int i = 0; i < count; i++) {
        set_nonblocking(fds[i]);
        add(fds[i], 1000 + (uint64_t)i);
    }
}
static void set_0(void) { a_set_with(0); }
static void set_1(void) { a_set_with(1); }
static void set_100(void) { a_set_with(100); }
static void set_10000(void) { a_set_with(10000); }

static void fill(int n)
{
    MUST(fcntl(out, F_SETPIPE_SZ, 1 << 20));
    for (int left = n; left > 0; left -= (int)sizeof buffer)
        MUST(own.write(out, buffer, left < (int)sizeof buffer ? (size_t)left : sizeof buffer));
}
static void drain(int n)
{
    while (n > 0) n -= (int)MUST(own.read(in, buffer, sizeof buffer));
}
static void widen(int n)
{
    (void)n;
    // Each small write ends in the last page of the pipe while that has room.
    MUST(fcntl(out, F_SETPIPE_SZ, 1 << 20));
}

// What a batch opens or closes, one by one, and how many of it so far.
static int many[MANY], peers[MANY], used;

static void none_used(int n)
{
    if (n > MANY) DIE("a batch of %d", n);
    used = 0;
}
static void open_many(int n)
{
    none_used(n);
    for (int i = 0; i < n; i++) many[i] = MUST(dup(out));
}
static void close_many(int n)
{
    for (int i = 0; i < n; i++) close(many[i]);
}
// A reset at the end leaves no TIME_WAIT behind.
static void unconnected_many(int n)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    none_used(n);
    for (int i = 0; i < n; i++) {
        many[i] = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        MUST(setsockopt(many[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset));
    }
}
static void connected_many(int n)
{
    none_used(n);
    for (int i = 0; i < n; i++) many[i] = connected(&address);
}
static void close_peers(int n)
{
    for (int i = 0; i < n; i++) close(peers[i]), close(many[i]);
}
static void accept_and_close(int n)
{
    for (int i = 0; i < n; i++) close(MUST(accept(in, NULL, NULL))), close(many[i]);
}

#define LOOP(...)                                                                                                              \
    for (int i = 0; i < n; i++) { __VA_ARGS__; }

static void run_read(int n) { LOOP(EXPECT(read(in, buffer, 1), 1)) }
static void run_write(int n) { LOOP(EXPECT(write(out, buffer, 1), 1)) }
static void run_send(int n) { LOOP(EXPECT(send(out, buffer, 1, 0), 1)) }
static void run_recv(int n) { LOOP(EXPECT(recv(out, buffer, 1, 0), 1)) }
// Every variant drains with libc's own function; that part is the same in all.
static void run_tcp_write(int n)
{
    LOOP(EXPECT(write(out, buffer, 1), 1); if (i % 16 == 15) MUST(own.recv(in, buffer, sizeof buffer, MSG_DONTWAIT)))
}
static void run_exchange(int n)
{
    LOOP(EXPECT(send(out, buffer, 1, 0), 1); EXPECT(recv(in, buffer, 1, 0), 1);
         EXPECT(send(in, buffer, 1, 0), 1); EXPECT(recv(out, buffer, 1, 0), 1))
}
static void run_echo(int n) { LOOP(EXPECT(send(out, buffer, 1, 0), 1); EXPECT(recv(out, buffer, 1, 0), 1)) }
static void run_eagain(int n) { LOOP(EXPECT(recv(out, buffer, 1, 0), -1)) }
static void after_eagain(int n)
{
    (void)n;
    if (errno != EAGAIN) DIE("recv did not say EAGAIN");
}
static void run_poll_1(int n) { LOOP(EXPECT(poll(entries, 1, -1), 1)) }
static void run_poll_10(int n) { LOOP(EXPECT(poll(entries, 10, -1), 10)) }
static void run_epoll(int n)
{
    struct epoll_event events[16] = {0};
    LOOP(EXPECT(epoll_wait(set, events, 16, -1), 1))
}
// Event loops with timers of their own wait for a time.
static void run_epoll_timed(int n)
{
    struct epoll_event events[16] = {0};
    LOOP(EXPECT(epoll_wait(set, events, 16, 1000), 1))
}
static void after_epoll(int n)
{
    (void)n;
    struct epoll_event events[16];
    if (epoll_wait(set, events, 16, -1) != 1 || events[0].data.u64 != 7) DIE("another event than the one that is ready");
}
static void run_dup(int n) { LOOP(many[used++] = MUST(dup(out))) }
static void run_close(int n) { LOOP(EXPECT(close(many[used++]), 0)) }
static void run_socket(int n) { LOOP(many[used++] = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))) }
static void run_option(int n)
{
    int one = 1;
    LOOP(EXPECT(setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0))
}
static void run_connect(int n)
{
    LOOP(EXPECT(connect(many[used++], (struct sockaddr *)&address, sizeof address), 0))
}
static void run_accept(int n) { LOOP(peers[used++] = MUST(accept(in, NULL, NULL))) }
static void run_modify(int n)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 7};
    LOOP(EXPECT(epoll_ctl(set, EPOLL_CTL_MOD, out, &event), 0))
}
static void run_close_900(int n) { LOOP(EXPECT(close(900), 0)) }
static void run_connection(int n)
{
    LOOP(int a = connected(&address); int b = MUST(accept(in, NULL, NULL)); close(a); close(b))
}

static void nothing(int n) { (void)n; }
static void nothing_yet(void) {}

static const struct kind {
    const char *name;
    int batch;            // calls of one batch: a millisecond or two of work, less than others take when it is their turn
    void (*set_up)(void);
    void (*before)(int);
    void (*run)(int);
    void (*after)(int);
} kinds[] = {
    {"read-zero", 20000, a_zero, nothing, run_read, nothing},
    {"write-null", 20000, a_null, nothing, run_write, nothing},
    {"read-pipe", 20000, a_pipe, fill, run_read, nothing},
    {"write-pipe", 20000, a_pipe, widen, run_write, drain},
    {"poll-pipe", 8000, one_ready_pipe, nothing, run_poll_1, nothing},
    {"dup-pipe", 800, a_pipe, none_used, run_dup, close_many},
    {"close-pipe", 800, a_pipe, open_many, run_close, nothing},
    {"socket", 800, nothing_yet, none_used, run_socket, close_many},
    {"epoll-0", 8000, set_0, nothing, run_epoll, after_epoll},
    {"epoll-timed", 8000, set_0, nothing, run_epoll_timed, after_epoll},
    {"exchange", 500, a_connection, nothing, run_exchange, nothing},
    {"echo", 200, an_echo, nothing, run_echo, nothing},
    {"eagain", 8000, a_nonblocking_connection, nothing, run_eagain, after_eagain},
    {"write-tcp", 1600, a_connection, nothing, run_tcp_write, nothing},
    {"poll-1", 8000, one_ready, nothing, run_poll_1, nothing},
    {"poll-10", 3000, ten_ready, nothing, run_poll_10, nothing},
    {"epoll-ready", 8000, a_set_with_a_ready_connection, nothing, run_epoll, after_epoll},
    {"epoll-1", 8000, set_1, nothing, run_epoll, after_epoll},
    {"epoll-timed-1", 8000, set_1, nothing, run_epoll_timed, after_epoll},
    {"epoll-100", 8000, set_100, nothing, run_epoll, after_epoll},
    {"epoll-10000", 8000, set_10000, nothing, run_epoll, after_epoll},
    {"modify", 4000, a_set_with_a_ready_connection, nothing, run_modify, nothing},
    {"option", 8000, a_connection, nothing, run_option, nothing},
    {"dup-tcp", 800, a_connection, none_used, run_dup, close_many},
    {"close-tcp", 800, a_connection, open_many, run_close, nothing},
    {"connect", 200, a_listener, unconnected_many, run_connect, accept_and_close},
    {"accept", 200, a_listener, connected_many, run_accept, close_peers},
    {"connection", 50, a_listener, nothing, run_connection, nothing},
    // Only above stub.c, whose calls do nothing: what is left is the interposer itself.
    {"door-read", 50000, a_zero, nothing, run_read, nothing},
    {"door-write", 50000, a_null, nothing, run_write, nothing},
    {"door-poll", 50000, one_ready_pipe, nothing, run_poll_1, nothing},
    {"door-epoll", 50000, set_0, nothing, run_epoll, nothing},
    {"door-epoll-timed", 50000, set_0, nothing, run_epoll_timed, nothing},
    {"door-close", 50000, a_null, nothing, run_close_900, nothing},
    {"door-tcp-send", 50000, a_connection, nothing, run_send, nothing},
    {"door-tcp-recv", 50000, a_connection, nothing, run_recv, nothing},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static void serve(const struct kind *kind)
{
    kind->set_up();
    puts("ready");
    fflush(stdout);
    for (char go; own.read(0, &go, 1) == 1;) {
        int warm = kind->batch / 8;
        kind->before(kind->batch + warm);
        kind->run(warm);
        uint64_t start = now_ns();
        kind->run(kind->batch);
        uint64_t answer[2] = {now_ns() - start, (uint64_t)kind->batch};
        kind->after(kind->batch + warm);
        EXPECT(own.write(1, answer, sizeof answer), (ssize_t)sizeof answer);
    }
}

// Instructions do not depend on the machine's mood: few calls are enough, and the warm-up takes what happens only once.
static void count(void)
{
    for (const struct kind *kind = kinds; kind < kinds + KINDS; kind++) {
        int calls = 64;
        if (!strncmp(kind->name, "door", 4) || !strcmp(kind->name, "echo") || !strcmp(kind->name, "epoll-10000")) continue;
        kind->set_up();
        kind->before(2 * calls);
        kind->run(calls);
        CALLGRIND_ZERO_STATS;
        kind->run(calls);
        CALLGRIND_DUMP_STATS_AT(kind->name);
        kind->after(2 * calls);
        printf("%s %d\n", kind->name, calls);
    }
}

int main(int argc, char **argv)
{
    own_functions();
    if (argc == 2 && !strcmp(argv[1], "--count")) {
        count();
        return 0;
    }
    for (const struct kind *kind = kinds; kind < kinds + KINDS; kind++) {
        if (argc == 2 && !strcmp(argv[1], kind->name)) {
            serve(kind);
            return 0;
        }
    }
    fprintf(stderr, "usage: calls NAME | --count\n");
    return 2;
}
