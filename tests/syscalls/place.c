// Sockets and other things that calls are made on (place.h).
#include "place.h"

#include "case.h"
#include "door.h"
#include "net.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const kind_name[KINDS] = {"tcp4", "tcp4-accepted", "tcp6", "udp4", "udp6", "unix-stream", "unix-path",
                                      "unix-dgram", "unix-seqpacket"};
const char *const mode_name[MODES] = {"blocking", "nonblock"};
const char *const file_name[FILES] = {"pipe-in", "pipe-out", "plain", "directory", "null", "eventfd", "timerfd", "signalfd",
                                      "epoll", "pidfd", "path"};
const char *const number_name[NUMBERS] = {"-1", "INT_MIN", "closed", "1500", "2000000"};
const char *const memory_name[MEMORIES] = {"null", "1", "norights", "kernel", "noncanonical", "readonly"};

// What shows how a thread of this process sleeps: its state, and the call that it is in.
struct watched {
    int stat, call;
};

static char directory[64];
static int (*set_deadline)(int, int64_t);
static int64_t (*nd_clock)(void);
static int explicitly;
enum { HIGH = 200 };
static struct watched main_thread;
static const int64_t HOUR = 3600LL * 1000000000;

int is_stream(enum kind kind) { return kind == TCP4 || kind == TCP4_ACCEPTED || kind == TCP6 || kind == UNIX_STREAM || kind == UNIX_PATH; }
int is_datagram(enum kind kind) { return kind == UDP4 || kind == UDP6 || kind == UNIX_DGRAM; }
int is_ip(enum kind kind) { return kind <= UDP6; }

static int family(enum kind kind) { return kind == TCP6 || kind == UDP6 ? AF_INET6 : is_ip(kind) ? AF_INET : AF_UNIX; }
static int type(enum kind kind) { return is_stream(kind) ? SOCK_STREAM : is_datagram(kind) ? SOCK_DGRAM : SOCK_SEQPACKET; }

int bounded(int fd) {
    if (explicitly && set_deadline && fd >= 0 && set_deadline(fd, nd_clock() + HOUR)) {
        broken("nd_set_deadline");
    }
    return fd;
}

static void set_mode(int fd, enum mode mode) {
    if (mode == NONBLOCK) {
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
}

const char *scratch(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static struct place loopback(enum kind kind) {
    static int serial;
    struct place place;
    memset(&place, 0, sizeof place);
    if (family(kind) == AF_INET) {
        place.at.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        place.length = sizeof place.at.v4;
    } else if (family(kind) == AF_INET6) {
        place.at.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        place.length = sizeof place.at.v6;
    } else {
        // Always a path of the same length, so that the lengths of names are the same in every run.
        place.at.local.sun_family = AF_UNIX;
        snprintf(place.at.local.sun_path, sizeof place.at.local.sun_path, "%s/s%05d", directory, serial++);
        place.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(place.at.local.sun_path) + 1);
    }
    return place;
}

int lone(enum kind kind, enum mode mode) {
    int fd = socket(family(kind), type(kind) | (mode == NONBLOCK ? SOCK_NONBLOCK : 0), 0);
    NEED(fd >= 0);
    return bounded(fd);
}

int listening(enum kind kind, enum mode mode, int backlog, struct place *place) {
    int fd = lone(kind, mode);
    *place = loopback(kind);
    NEED(bind(fd, &place->at.any, place->length) == 0);
    NEED(is_datagram(kind) || listen(fd, backlog) == 0);
    if (is_ip(kind)) {
        NEED(getsockname(fd, &place->at.any, &place->length) == 0);
    }
    return fd;
}

struct place nowhere(enum kind kind) {
    struct place place;
    int fd = listening(kind, BLOCKING, 1, &place);
    close(fd);
    if (!is_ip(kind)) {
        unlink(place.at.local.sun_path);
    }
    return place;
}

int dialled(enum kind kind, const struct place *place) {
    int fd = lone(kind, BLOCKING);
    NEED(connect(fd, &place->at.any, place->length) == 0);
    return fd;
}

static struct two by_listener(enum kind kind) {
    struct place place;
    int listener = listening(kind, BLOCKING, 5, &place);
    struct two pair = {.here = dialled(kind, &place)};
    pair.there = accept(listener, NULL, NULL);
    NEED(pair.there >= 0);
    close(listener);
    if (kind == TCP4_ACCEPTED) {
        pair = (struct two){.here = pair.there, .there = pair.here};
        bounded(pair.here);
    }
    return pair;
}

struct two two(enum kind kind, enum mode mode) {
    struct two pair;
    if (kind == UDP4 || kind == UDP6) {
        struct place here, there;
        pair.here = listening(kind, BLOCKING, 0, &here);
        pair.there = listening(kind, BLOCKING, 0, &there);
        NEED(connect(pair.here, &there.at.any, there.length) == 0);
        NEED(connect(pair.there, &here.at.any, here.length) == 0);
    } else if (is_ip(kind) || kind == UNIX_PATH) {
        pair = by_listener(kind);
    } else {
        int both[2];
        NEED(socketpair(AF_UNIX, type(kind), 0, both) == 0);
        pair = (struct two){both[0], both[1]};
        bounded(pair.here);
    }
    set_mode(pair.here, mode);
    return pair;
}

// TCP's peer acknowledges, and so makes room, up to 40 ms later unless it is asked to: it is over when nothing is on its way.
static int on_its_way(int fd, int peer) {
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    int now = 1;
    setsockopt(peer, IPPROTO_TCP, TCP_QUICKACK, &now, sizeof now);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && info.tcpi_unacked != 0;
}

void fill(int fd, int peer) {
    static char much[65536];
    for (int went = 1; went;) {
        for (int i = 0; i < 5000 && on_its_way(fd, peer); i++) {
            pause_ms(1);
        }
        went = 0;
        // The last byte too: else a small write has room once.
        for (size_t size = sizeof much; size; size /= 8) {
            while (send(fd, much, size, MSG_DONTWAIT) > 0) {
                went = 1;
            }
        }
        went |= on_its_way(fd, peer);
    }
}

int file_with(const char *text) {
    int fd = open(scratch("text"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text) && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

int file(enum file which) {
    int ends[2] = {-1, -1};
    sigset_t none;
    sigemptyset(&none);
    switch (which) {
        case PIPE_IN:
        case PIPE_OUT:
            NEED(pipe(ends) == 0);
            return ends[which == PIPE_OUT];
        case PLAIN: return file_with("text");
        case DIRECTORY: return open(directory, O_RDONLY | O_DIRECTORY);
        case NULL_DEVICE: return open("/dev/null", O_RDWR);
        case EVENTFD: return eventfd(3, 0);
        case TIMERFD: return timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
        case SIGNALFD: return signalfd(-1, &none, SFD_NONBLOCK);
        case EPOLL: return epoll_create1(0);
        case PIDFD: return (int)syscall(SYS_pidfd_open, getpid(), 0);
        case PATH_ONLY: return open(directory, O_PATH);
        default: return -1;
    }
}

int number(enum number which) {
    switch (which) {
        case MINUS_ONE: return -1;
        case LOWEST_INT: return -2147483647 - 1;
        case CLOSED: return 59;
        case CLOSED_1500: return 1500;
        default: return 2000000;
    }
}

static char *pages(int rights) {
    char *at = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(at, CANARY, 3 * 4096);
    mprotect(at + 4096, 4096, rights);
    return at;
}

void *memory(enum memory which) {
    static char *without, *readable;
    if (!without) {
        without = pages(PROT_NONE);
        readable = pages(PROT_READ);
    }
    switch (which) {
        case AT_NULL: return NULL;
        case AT_ONE: return (void *)1;
        case PAGE_WITHOUT_RIGHTS: return without + 4096;
        case AT_KERNEL: return (void *)0xffff888000000000;
        case NOT_CANONICAL: return (void *)0x0f00000000000000;
        default: return readable + 4096;
    }
}

void *edge(size_t size) {
    static char *at;
    if (!at) {
        at = pages(PROT_NONE);
    }
    memset(at, CANARY, 4096);
    return at + 4096 - size;
}

void pause_ms(int ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

pid_t own_tid(void) { return (pid_t)syscall(SYS_gettid); }

static int open_high(pid_t thread, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/%s", (int)thread, name);
    int low = open(path, O_RDONLY | O_CLOEXEC), high = fcntl(low, F_DUPFD_CLOEXEC, HIGH);
    close(low);
    return high;
}

static struct watched watch(pid_t thread) {
    return (struct watched){open_high(thread, "stat"), open_high(thread, "syscall")};
}

static char state(int stat) {
    char text[256];
    ssize_t n = pread(stat, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    char *end = strrchr(text, ')');
    return end && end[1] ? end[2] : '?';
}

// Asleep whenever it is looked at, three times at least, 300 us apart, and in the same call for so long.
static int stays_asleep(struct watched it, int ms) {
    char before[192] = "", in[192];
    long began = now_ms();
    int seen = 0;
    for (long until = began + 10000; now_ms() < until && (seen < 3 || now_ms() - began <= ms);) {
        struct timespec while_ = {0, 300000};
        ssize_t n = pread(it.call, in, sizeof in - 1, 0);
        in[n > 0 ? n : 0] = 0;
        seen = state(it.stat) != 'S' ? 0 : strcmp(in, before) == 0 ? seen + 1 : 1;
        if (seen <= 1) {
            began = now_ms();
        }
        strcpy(before, in);
        nanosleep(&while_, NULL);
    }
    return seen >= 3;
}

int sleeps(pid_t thread, int ms) {
    struct watched it = watch(thread);
    int did_sleep = stays_asleep(it, ms);
    close(it.stat);
    close(it.call);
    return did_sleep;
}

static struct {
    pthread_t thread;
    void (*act)(void *);
    void *argument;
    int ms, slept;
} helper;

static void *help(void *unused) {
    (void)unused;
    helper.slept = stays_asleep(main_thread, helper.ms);
    helper.act(helper.argument);
    return NULL;
}

void when_asleep(void (*act)(void *), void *argument) { when_asleep_for(0, act, argument); }

void when_asleep_for(int ms, void (*act)(void *), void *argument) {
    sigset_t all, before;
    helper.act = act;
    helper.argument = argument;
    helper.ms = ms;
    // The helper takes no signal that is meant for the caller.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    NEED(pthread_create(&helper.thread, NULL, help, NULL) == 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void helped(void) {
    pthread_join(helper.thread, NULL);
    if (!helper.slept) {
        broken("the caller never slept");
    }
}

void settle_in(void) {
    const char *api = getenv("ND_SUITE_API");
    take_network();
    snprintf(directory, sizeof directory, "/tmp/nd-syscalls-XXXXXX");
    if (!mkdtemp(directory)) {
        exit(3);
    }
    main_thread = watch(own_tid());
    memory(AT_NULL);
    set_deadline = (int (*)(int, int64_t))dlsym(RTLD_DEFAULT, "nd_set_deadline");
    nd_clock = (int64_t (*)(void))dlsym(RTLD_DEFAULT, "nd_now");
    if (!api) {
        return;
    }
    if (!set_deadline) {
        exit(4);
    }
    // From its first such call on, every wait of a process takes the form that can be moved.
    int other = socket(AF_INET, SOCK_STREAM, 0);
    if (set_deadline(other, nd_clock() + HOUR)) {
        exit(5);
    }
    close(other);
    explicitly = strcmp(api, "explicit") == 0;
    if (strcmp(api, "scope") == 0) {
        int64_t (*enter)(int64_t) = (int64_t(*)(int64_t))dlsym(RTLD_DEFAULT, "nd_scope_enter");
        if (!enter || enter(nd_clock() + HOUR) < 0) {
            exit(6);
        }
    }
}

void sweep_scratch(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    if (system(command)) {
        return;
    }
}
