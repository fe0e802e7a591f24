/* Calls of Go's kind, one a line: name, r1, r2, errno. What a call does to registers and stack is checked here; what it
 * answers is compared by the test, with and without the library. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct call {
    uint64_t c_stack, stack;
    uint64_t nr, args[6];
    uint64_t r1, r2, error, r14, rbp, flags, stack_after;
    uint64_t xmm15[2];
};
void call6(struct call *call);

enum { ROOM = 16384, MARK = 0xa5 };
static __thread unsigned char stack[2 * ROOM] __attribute__((aligned(64)));
static int deepest;

static void die(const char *what, uint64_t nr) {
    fprintf(stderr, "call %lu: %s\n", (unsigned long)nr, what);
    _exit(1);
}

/* One call on a stack of its own that ends at ROOM, shifted by 0 or 8: Go aligns its stacks to 8. */
static struct call on(unsigned char *memory, int shift, long nr, const uint64_t args[6]) {
    struct call call = {.nr = (uint64_t)nr};
    memcpy(call.args, args, sizeof call.args);
    memset(memory, MARK, 2 * ROOM);
    call.stack = (uint64_t)(memory + ROOM - shift);
    call6(&call);
    if (call.r14 != 0x1414141414141414) die("r14 (g) is lost", call.nr);
    if (call.rbp != 0x0505050505050505) die("rbp is lost", call.nr);
    if (call.xmm15[0] | call.xmm15[1]) die("xmm15 is not zero", call.nr);
    if (call.flags & 0x400) die("the direction flag is set", call.nr);
    if (call.stack_after != call.stack - 8) die("rsp is another", call.nr);
    for (unsigned char *above = memory + ROOM - shift; above < memory + 2 * ROOM; above++)
        if (*above != MARK) die("the caller's frame was written", call.nr);
    int used = 0;
    while (used < ROOM && memory[used] == MARK) used++;
    /* Less what call6 itself pushed. */
    used = ROOM - shift - 8 - used;
    if (used > deepest) deepest = used;
    return call;
}

static struct call go(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
    static __thread int shift;
    uint64_t args[6] = {a, b, c, d, e, f};
    shift ^= 8;
    struct call call = on(stack, shift, nr, args);
    /* The kernel leaves a3 where r2 comes from. */
    if (call.error == 0 && call.r2 != c) die("r2 is not a3", call.nr);
    if (call.error != 0 && (call.r1 != UINT64_MAX || call.r2 != 0)) die("an error with results", call.nr);
    return call;
}

#define P(x) ((uint64_t)(x))
#define GO(nr, ...) GO_(nr, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define GO_(nr, a, b, c, d, e, f, ...) go(nr, P(a), P(b), P(c), P(d), P(e), P(f))

static uint64_t say(const char *name, struct call call) {
    printf("%s %ld %lu\n", name, (long)call.r1, (unsigned long)call.error);
    return call.r1;
}

static uint64_t ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A connection over loopback: [0] ours, [1] the peer's. */
static void connection(int pair[2]) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int listener = (int)GO(SYS_socket, AF_INET, SOCK_STREAM, 0).r1;
    if (bind(listener, (void *)&address, length) || listen(listener, 8) ||
        getsockname(listener, (void *)&address, &length))
        die("no listener", 0);
    pair[0] = (int)GO(SYS_socket, AF_INET, SOCK_STREAM, 0).r1;
    say("connect", GO(SYS_connect, pair[0], &address, length));
    pair[1] = (int)GO(SYS_accept4, listener, 0, 0, 0).r1;
    say("close", GO(SYS_close, listener));
}

static void plain(void) {
    int ends[2], pair[2];
    char buffer[64] = "hello";
    struct iovec vector = {buffer, sizeof buffer};
    if (pipe(ends)) die("no pipe", 0);
    if (GO(SYS_getpid, 0).r1 != (uint64_t)getpid()) die("another pid", SYS_getpid);
    say("no such call", GO(9999, 1, 2, 3, 4, 5, 6));
    say("nor this", GO(UINT64_MAX, 1, 2, 3, 4, 5, 6));
    say("write to a pipe", GO(SYS_write, ends[1], buffer, 5));
    say("read of a pipe", GO(SYS_read, ends[0], buffer, 64));
    say("read of nothing", GO(SYS_read, -1, buffer, 64));
    say("read to nowhere", GO(SYS_read, ends[0], 1, 0));
    connection(pair);
    say("write", GO(SYS_write, pair[0], buffer, 5));
    say("writev", GO(SYS_writev, pair[0], &vector, 1));
    say("recvfrom", GO(SYS_recvfrom, pair[1], buffer, 64, MSG_PEEK, 0, 0));
    say("readv", GO(SYS_readv, pair[1], &vector, 1));
    say("fcntl", GO(SYS_fcntl, pair[0], F_SETFL, O_RDWR | O_NONBLOCK));
    say("fcntl dup", GO(SYS_fcntl, pair[0], F_DUPFD_CLOEXEC, 100));
    say("dup3", GO(SYS_dup3, pair[0], 101, 0));
    say("dup3 itself", GO(SYS_dup3, pair[0], pair[0], 0));
    say("close of the dup", GO(SYS_close, 101));
    say("and again", GO(SYS_close, 101));
    say("a read that would wait", GO(SYS_read, pair[0], buffer, 64));
    say("shutdown", GO(SYS_shutdown, pair[1], SHUT_WR));
    struct pollfd entry = {pair[0], POLLIN, 0};
    say("poll", GO(SYS_poll, &entry, 1, -1));
    say("the end", GO(SYS_read, pair[0], buffer, 64));
    say("getsockopt", GO(SYS_getsockopt, pair[0], SOL_SOCKET, SO_ERROR, buffer, &(socklen_t){4}));
    /* A wait by number: the mask comes with its size, and what is left of the time is written back. */
    struct timespec time = {5, 0};
    uint64_t mask[2] = {0}, pselect_mask[2] = {P(mask), 8};
    say("ppoll", GO(SYS_ppoll, &entry, 1, &time, mask, 8));
    printf("left %d\n", time.tv_sec == 4 && time.tv_nsec > 0);
    say("ppoll with half a mask", GO(SYS_ppoll, &entry, 1, &time, mask, 4));
    fd_set set;
    FD_ZERO(&set);
    FD_SET(pair[0], &set);
    time = (struct timespec){5, 0};
    say("pselect6", GO(SYS_pselect6, pair[0] + 1, &set, 0, 0, &time, pselect_mask));
    printf("left %d\n", time.tv_sec == 4 && time.tv_nsec > 0);
    struct timeval left = {5, 0};
    say("select", GO(SYS_select, pair[0] + 1, &set, 0, 0, &left));
    printf("left %d\n", left.tv_sec == 4 && left.tv_usec > 0);
    say("select of nowhere", GO(SYS_select, pair[0] + 1, 8, 0, 0, &left));
    /* Descriptors that come by message. */
    union { char bytes[CMSG_SPACE(4)]; struct cmsghdr align; } control = {0};
    struct msghdr message = {.msg_iov = &(struct iovec){buffer, 1}, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){CMSG_LEN(4), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &pair[0], 4);
    int unix_pair[2];
    say("socketpair", GO(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, unix_pair));
    say("sendmsg", GO(SYS_sendmsg, unix_pair[0], &message, 0));
    memset(&control, 0, sizeof control);
    message.msg_controllen = sizeof control;
    say("recvmsg", GO(SYS_recvmsg, unix_pair[1], &message, 0));
    printf("control %lu\n", (unsigned long)message.msg_controllen);
    /* Epoll, as Go has it. */
    int poller = (int)GO(SYS_epoll_create1, EPOLL_CLOEXEC).r1;
    struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.u64 = 77}}, events[8];
    say("epoll_ctl", GO(SYS_epoll_ctl, poller, EPOLL_CTL_ADD, pair[0], &event));
    say("epoll_ctl again", GO(SYS_epoll_ctl, poller, EPOLL_CTL_ADD, pair[0], &event));
    say("epoll_pwait", GO(SYS_epoll_pwait, poller, events, 8, -1, 0, 0));
    printf("event %x %lu\n", events[0].events, (unsigned long)events[0].data.u64);
    say("epoll_pwait, no event", GO(SYS_epoll_pwait, poller, events, 8, 20, 0, 0));
    say("epoll_pwait with half a mask", GO(SYS_epoll_pwait, poller, events, 8, 20, mask, 4));
    say("close_range", GO(SYS_close_range, 90, 110, 0));
    /* A program that is not there, and one that is. */
    char *words[] = {"false", NULL}, *nothing[] = {NULL};
    say("execve", GO(SYS_execve, "/nowhere/false", words, nothing));
    pid_t child = fork();
    if (child == 0) {
        GO(SYS_execve, "/bin/false", words, nothing);
        _exit(99);
    }
    int status;
    say("wait4", (struct call){.r1 = (uint64_t)(waitpid(child, &status, 0) == child), .error = (uint64_t)WEXITSTATUS(status)});
    for (int i = 0; i < 2; i++) GO(SYS_close, pair[i]), GO(SYS_close, unix_pair[i]), GO(SYS_close, ends[i]);
    GO(SYS_close, poller);
}

/* Under NETDEADLINE_READ=300ms: what waits ends. */
static void deadlines(void) {
    int pair[2];
    char buffer[8];
    connection(pair);
    uint64_t began = ms();
    say("a blocking read", GO(SYS_read, pair[0], buffer, 8));
    printf("early %d late %d\n", ms() - began < 300, ms() - began > 5300);
    began = ms();
    struct iovec vector = {buffer, 8};
    say("a blocking readv", GO(SYS_readv, pair[0], &vector, 1));
    printf("early %d late %d\n", ms() - began < 300, ms() - began > 5300);
    began = ms();
    struct pollfd entry = {pair[0], POLLIN, 0};
    say("a poll", GO(SYS_poll, &entry, 1, -1));
    printf("early %d late %d\n", ms() - began < 300, ms() - began > 5300);
    say("and its read", GO(SYS_recvfrom, pair[0], buffer, 8, MSG_DONTWAIT, 0, 0));
    /* As Go: try, wait in epoll, try again. */
    fcntl(pair[0], F_SETFL, O_RDWR | O_NONBLOCK);
    int poller = (int)GO(SYS_epoll_create1, EPOLL_CLOEXEC).r1;
    struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, {.u64 = 78}}, events[8];
    say("epoll_ctl", GO(SYS_epoll_ctl, poller, EPOLL_CTL_ADD, pair[0], &event));
    say("its birth", GO(SYS_epoll_pwait, poller, events, 8, 0, 0, 0));
    say("no wait", GO(SYS_epoll_pwait, poller, events, 8, 600, 0, 0));
    began = ms();
    say("a try", GO(SYS_read, pair[0], buffer, 8));
    say("a wait", GO(SYS_epoll_pwait, poller, events, 8, 10000, 0, 0));
    printf("early %d late %d event %lu\n", ms() - began < 300, ms() - began > 5300, (unsigned long)events[0].data.u64);
    say("the answer", GO(SYS_read, pair[0], buffer, 8));
    say("and no other", GO(SYS_read, pair[0], buffer, 8));
    say("write", GO(SYS_write, pair[1], "x", 1));
    say("data", GO(SYS_read, pair[0], buffer, 8));
}

/* Many threads, all kinds of calls, and a signal every millisecond whose handler makes some on its own stack. */
static int alarm_pipe[2], stop;
static __thread unsigned char handler_stack[2 * ROOM] __attribute__((aligned(64)));

static void handler(int signal) {
    char buffer[4];
    int saved = errno;
    struct pollfd entry = {alarm_pipe[0], POLLIN, 0};
    uint64_t read_args[6] = {P(alarm_pipe[0]), P(buffer), 4}, poll_args[6] = {P(&entry), 1, 0};
    (void)signal;
    if (on(handler_stack, 0, SYS_read, read_args).error != EAGAIN) die("a pipe with something in it", SYS_read);
    if (on(handler_stack, 8, SYS_poll, poll_args).r1 != 0) die("a pipe that is ready", SYS_poll);
    errno = saved;
}

static void *thread(void *argument) {
    uint64_t seed = P(argument) * 0x9e3779b97f4a7c15 | 1;
    static __thread char altstack[8 * ROOM];
    stack_t alternative = {.ss_sp = altstack, .ss_size = sizeof altstack};
    sigaltstack(&alternative, NULL);
    int pair[2];
    char buffer[64];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) die("no pair", 0);
    struct iovec vector = {buffer, sizeof buffer};
    struct pollfd entry = {pair[1], POLLIN, 0};
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
        switch (seed >> 40 & 7) {
        case 0: if (GO(SYS_write, pair[0], buffer, 7).r1 != 7) die("a short write", SYS_write); /* fall through */
        case 1: if (GO(SYS_recvfrom, pair[1], buffer, 64, MSG_DONTWAIT, 0, 0).r1 == 0) die("an end", SYS_recvfrom); break;
        case 2: GO(SYS_poll, &entry, 1, 0); break;
        case 3: {
            uint64_t fd = GO(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0).r1;
            struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr = {htonl(INADDR_LOOPBACK)}};
            GO(SYS_connect, fd, &address, sizeof address);
            GO(SYS_read, fd, buffer, 64);
            if (GO(SYS_close, fd).error) die("not closed", SYS_close);
            break;
        }
        case 4: if (GO(SYS_writev, pair[0], &vector, 1).r1 != 64) die("a short writev", SYS_writev);
                if (GO(SYS_read, pair[1], buffer, 1).r1 != 1) die("a short read", SYS_read);
                while (GO(SYS_recvfrom, pair[1], buffer, 64, MSG_DONTWAIT, 0, 0).error == 0) {} break;
        case 5: GO(SYS_execve, "/nowhere", NULL, NULL); break;
        case 6: { uint64_t fd = GO(SYS_dup, pair[0]).r1; GO(SYS_close, fd); break; }
        default: GO(SYS_getpid, 0);
        }
    }
    close(pair[0]), close(pair[1]);
    return NULL;
}

static void strain(void) {
    pthread_t threads[8];
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART};
    struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    if (pipe2(alarm_pipe, O_NONBLOCK)) die("no pipe", 0);
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGPROF);
    sigaction(SIGPROF, &action, NULL);
    for (uint64_t i = 0; i < 8; i++)
        if (pthread_create(&threads[i], NULL, thread, (void *)(i + 1))) die("no thread", 0);
    pthread_sigmask(SIG_BLOCK, &alarms, NULL); /* this thread has no other stack */
    setitimer(ITIMER_PROF, &often, NULL);
    sleep(3);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    setitimer(ITIMER_PROF, &never, NULL);
    printf("strained\n");
}

int main(int count, char **words) {
    const char *what = count > 1 ? words[1] : "";
    signal(SIGPIPE, SIG_IGN);
    if (!strcmp(what, "plain")) plain();
    if (!strcmp(what, "deadlines")) deadlines();
    if (!strcmp(what, "strain")) strain();
    fflush(stdout);
    fprintf(stderr, "deepest %d\n", deepest);
    return 0;
}
