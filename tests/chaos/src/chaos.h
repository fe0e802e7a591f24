// What the parts of the chaos program share: the model of a connection, the calls that are counted, and how a fault is told.
//
// The model is what the program knows without asking the kernel: which numbers it has, which bytes are under way, which
// deadline can have passed. A thread owns its connections, both ends of each, so the model needs no lock; it lives in shared
// memory, so that a forked child can go on with it and hand it back.
//
// Not here: what a call may return. Each kind of call has a file that knows it.
#ifndef CHAOS_H
#define CHAOS_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8     // at most, in one program
#define CONNS 10      // at most, of one thread
#define NUMBERS 4     // at most, of one end
#define SETS 3        // epoll sets of one thread
#define REGS 8        // registrations of one set
#define RING 8        // messages under way in one direction
#define LOG 4096      // calls that a thread remembers
#define FDS 4096      // numbers the model can know

#define MS 1000000ll
#define SECOND 1000000000ll
#define HOUR (3600 * SECOND)
// What must end, ends by its deadline and this: both processors are busy on purpose.
#define LATE (6 * SECOND)
// What lies on its way inside the kernel (loopback TCP and UDP are not synchronous) arrives within this.
#define ARRIVES 5000
// The kernel counts SO_RCVTIMEO and SO_SNDTIMEO in whole ticks from now on, and this one has begun: at 100 Hz so much early.
#define TICK (10 * MS)

enum way { NATIVE, IDLE, HOURS, SHORT, MOVABLE };
enum kind { STREAM, SEQPACKET, DATAGRAM, TCP, UDP, PIPE, KINDS };
enum direction { READ, WRITE };

// How connections come by a deadline in the ways SHORT and MOVABLE; `rules` of the runner says the same to the library.
enum policy { NONE, READ_30, WRITE_60, ON_READ_40, RESPONSE_35, LIFETIME_300, V6_READ_25, UNIX_READ_45, POLICIES };

struct rng {
    uint64_t state;
};

struct reg;

struct end {
    int fds[NUMBERS];
    int n;                  // numbers; 0: closed
    bool nonblock;
    bool shut;              // for writing
    bool accepted;
    bool idle_server;       // accepted, and the last thing it did was to read: `on` rules pause there
    ino_t inode;
    int64_t so_rcv, so_snd; // SO_RCVTIMEO, SO_SNDTIMEO in nanoseconds
    int64_t read, write, response, lifetime_at;
    int64_t nd_read, nd_write;
    int64_t wait_read, wait_write, written; // earliest instant from which a clock can run; 0: none runs
    int64_t touched;        // end of the last call that looked at a clock
    bool split;             // one of several numbers was passed: it may have clocks of its own (limits.md; found/dup_passed.c p)
    bool told;              // a wait reported what only a deadline can: the next read may say so, whenever it comes
    struct reg *regs[4];
};

struct dir {
    uint64_t sent, got;
    uint32_t sends;         // since it was empty: the kernel counts what each takes, not its bytes
    uint32_t first, last;   // messages: those from `first` to before `last` are under way
    uint16_t length[RING];
    uint64_t at[RING];
};

struct conn {
    bool used;
    bool dirty;             // an end was closed with bytes unread, or against a closed peer: resets are allowed
    uint32_t id;
    uint8_t kind, policy;
    struct end end[2];
    struct dir dir[2];      // dir[s]: what end s sent
};

struct reg {
    struct set *set;
    struct conn *conn;
    int side, fd;
    uint32_t events, id;
    bool used, armed;
    unsigned fresh;         // edges not yet told
};

struct set {
    int fd;                 // -1: none
    bool inside;            // in the thread's outer set
    bool clock;             // something with a deadline was in it
    struct reg regs[REGS];
};

struct call {
    const char *name;
    int fd;
    long result;
    int error;
    uint64_t op;
    int64_t at;             // coarse
};

// What a thread asks of its companion, which does it while the thread waits.
struct job {
    int what;
    int64_t delay;
    int fd, other, next, side;
    uint32_t length;
    int64_t when;
    struct conn *conn;
    pthread_t whom;
    void *address;
    socklen_t size;
};

struct thread {
    int number;
    bool waiter, child;
    struct rng rng;
    uint64_t op;
    const char *doing;
    uint64_t calls, waits, expiries;
    uint32_t made[64];      // operations that did something, by kind
    uint32_t injected[3];   // calls that said EINTR, ECONNRESET, ENOBUFS
    unsigned strays;
    struct conn conns[CONNS];
    struct set sets[SETS];
    int outer;
    const struct set *seen_set; // for a failure: what a wait just told
    const struct epoll_event *seen;
    long seen_count;
    int64_t scope;          // 0: none
    bool clock;             // something with a deadline was in one of its sets
    int carrier[2];         // for SCM_RIGHTS
    int listeners[POLICIES];
    int file;               // a bystander
    uint64_t written;       // into it
    pid_t tid;
    struct call log[LOG];
    unsigned logged;
    struct end *focus;      // what is read or written now
    uint32_t ids;
    // The companion.
    pthread_t companion;
    struct job job;
    sem_t asked, done;
    pthread_t self;
    volatile sig_atomic_t jumpable;
    sigjmp_buf jump;
};

struct world {
    enum way way;
    bool faults;            // another preload injects faults
    bool library;           // the library under test is there, in whichever way
    bool children;          // this program forks
    uint64_t seed;
    int threads;
    uint64_t operations, limit;
    uint64_t without;       // operations left out, a bit each
    atomic_int alive;       // children that may hold copies of our descriptions
    atomic_int hammers;     // threads of quick calls that are not through yet
    atomic_uint signals;    // handlers that ran
    atomic_uchar mine[FDS]; // numbers that the program has open
    struct conn shelf[4];   // connections between two owners
    atomic_int shelved[4];  // 0: empty, 1: somebody is at it, 2: full
    uint64_t total_calls, total_waits, total_expiries, programs;
    uint64_t made[64], injected[3];
    struct thread thread[THREADS];
};

extern struct world *world;

// ---- Chance ---------------------------------------------------------------------------------------------------------------

static inline uint64_t mix(uint64_t word) {
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    return word ^ (word >> 31);
}

static inline uint64_t draw(struct thread *t) { return mix(t->rng.state += 0x9e3779b97f4a7c15u); }
static inline uint32_t below(struct thread *t, uint32_t n) { return (uint32_t)(((draw(t) >> 32) * n) >> 32); }
static inline bool one_in(struct thread *t, uint32_t n) { return below(t, n) == 0; }

// ---- Time -----------------------------------------------------------------------------------------------------------------

static inline int64_t now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * SECOND + at.tv_nsec;
}

static inline struct timespec timespec_of(int64_t ns) {
    return (struct timespec){.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
}

static inline struct timeval timeval_of(int64_t ns) {
    return (struct timeval){.tv_sec = ns / SECOND, .tv_usec = ns % SECOND / 1000};
}

// ---- Calls and faults -----------------------------------------------------------------------------------------------------

static inline long note_call(struct thread *t, long result) {
    struct call *call = &t->log[t->logged++ % LOG];
    call->result = result;
    call->error = errno;
    call->op = t->op;
    t->calls++;
    if (result < 0 && world->faults)
        t->injected[0] += errno == EINTR, t->injected[1] += errno == ECONNRESET, t->injected[2] += errno == ENOBUFS;
    return result;
}

static inline void note_begin(struct thread *t, const char *name, int fd) {
    struct call *call = &t->log[t->logged % LOG];
    call->name = name;
    call->fd = fd;
    call->result = -99;     // under way
    call->op = t->op;
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &at);
    call->at = at.tv_sec * SECOND + at.tv_nsec;
}

// What belongs beside the calls when a failure is read.
static inline void note_fact(struct thread *t, const char *name, const struct end *e, long value) {
    note_begin(t, name, e->n ? e->fds[0] : -1);
    t->log[t->logged++ % LOG].result = value;
}

// A counted call. errno is the call's afterwards.
#define CALL(t, name, fd, ...) (note_begin(t, #name, fd), note_call(t, (long)name(__VA_ARGS__)))

// EINTR without a handler. While a thread is in posix_spawn, or starts a thread, all its signals are blocked, and then SIGCHLD is not
// ignored by the kernel (kernel/signal.c, sig_ignored) but given to a thread that does not block it, and ignored there: whose wait ends.
// Of 2,170 children by posix_spawn in three threads 232 ended an epoll_wait of eight others, natively; of forked ones none.
static inline bool stray(struct thread *t) { return world->children || t->strays++ < 3; }

_Noreturn void fault(struct thread *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void show_thread(struct thread *t);
void show_set(struct thread *t);
#define MUST(t, good) ((good) ? (void)0 : fault(t, "%s:%d: %s: errno %d", __FILE__, __LINE__, #good, errno))

// ---- Bytes: bytes.c -------------------------------------------------------------------------------------------------------

void fill(const struct conn *c, int side, uint64_t at, unsigned char *to, size_t length);
void compare(struct thread *t, const struct conn *c, int side, uint64_t at, const unsigned char *seen, size_t length);

// ---- Numbers and connections: world.c -------------------------------------------------------------------------------------

int own(struct thread *t, int fd);
void disown(struct thread *t, int fd);
struct conn *open_some(struct thread *t);
struct conn *open_kind(struct thread *t, enum kind kind, enum policy policy);
struct conn *free_conn(struct thread *t);
struct conn *any_conn(struct thread *t);
void close_number(struct thread *t, struct conn *c, int side, int which);
void close_end(struct thread *t, struct conn *c, int side);
void close_conn(struct thread *t, struct conn *c);
void ended(struct thread *t, struct conn *c, int side);
void open_listeners(struct thread *t);
void close_listeners(struct thread *t);
socklen_t address_of(enum policy policy, int thread, struct sockaddr_storage *to);
void set_blocking(struct thread *t, struct conn *c, int side, bool blocking);

static inline bool is_message(const struct conn *c) { return c->kind == SEQPACKET || c->kind == DATAGRAM || c->kind == UDP; }
static inline bool is_inet(const struct conn *c) { return c->kind == TCP || c->kind == UDP; }
static inline bool is_socket(const struct conn *c) { return c->kind != PIPE; }
static inline int a_number(struct thread *t, const struct end *e) { return e->fds[e->n > 1 ? below(t, e->n) : 0]; }

// Bytes (messages: their number) that end `side` can read.
static inline uint64_t waiting(const struct conn *c, int side) {
    const struct dir *d = &c->dir[1 - side];
    return is_message(c) ? d->last - d->first : d->sent - d->got;
}

// The peer will send nothing more. Datagram sockets have no end of file.
static inline bool at_end(const struct conn *c, int side) {
    const struct end *peer = &c->end[1 - side];
    return c->kind != DATAGRAM && c->kind != UDP && (peer->shut || peer->n == 0);
}

// ---- Deadlines: clocks.c --------------------------------------------------------------------------------------------------

bool timed(const struct thread *t, const struct end *e);
void begin_wait(struct thread *t, struct end *e, enum direction direction, int64_t at);
void moved_bytes(struct end *e, enum direction direction, int64_t at);
void was_told(struct end *e, enum direction direction, int64_t at);
void told_by_wait(struct thread *t, const struct conn *c, int side, unsigned seen, int64_t at);
bool may_expire(const struct thread *t, const struct end *e, enum direction direction, int64_t at);
bool must_expire(const struct thread *t, const struct end *e, enum direction direction, int64_t at);

// ---- What a program does --------------------------------------------------------------------------------------------------

struct receive {
    unsigned char *to;
    size_t length;
    bool dont, peek, all;
    bool interrupted;       // a signal may come that does not restart
};
long receive(struct thread *t, struct conn *c, int side, struct receive *r);
bool gone(int error);
void promise(struct thread *t, struct conn *c, int side, uint32_t length);
struct conn *whole(struct thread *t, enum kind kind, enum policy policy);
long send_some(struct thread *t, struct conn *c, int side, size_t length);
long receive_some(struct thread *t, struct conn *c, int side);
void drain(struct thread *t, struct conn *c, int side);
void do_send(struct thread *t);
void do_receive(struct thread *t);
void do_poll(struct thread *t);
void do_select(struct thread *t);
void do_epoll_ctl(struct thread *t);
void do_epoll_wait(struct thread *t);
void do_epoll_nested(struct thread *t);
void do_epoll_sets(struct thread *t);
void close_sets(struct thread *t);
void forget_regs(struct end *e);
void edge(struct end *e, unsigned bits);
unsigned surely(const struct conn *c, int side);
unsigned perhaps(struct thread *t, const struct conn *c, int side, unsigned asked, int64_t at);
void do_open(struct thread *t);
void do_close(struct thread *t);
void do_dup(struct thread *t);
void do_options(struct thread *t);
void do_nonblock(struct thread *t);
void do_shutdown(struct thread *t);
void do_pass(struct thread *t);
void do_give(struct thread *t);
void do_refused(struct thread *t);
void do_bystander(struct thread *t);
void do_close_range(struct thread *t);
void do_check(struct thread *t);
void do_api(struct thread *t);
void do_scope(struct thread *t);

// Those that wait: waits.c, races.c, children.c.
void wait_read(struct thread *t);
void wait_ready(struct thread *t);
void wait_write(struct thread *t);
void wait_accept(struct thread *t);
void wait_connect(struct thread *t);
void wait_moved(struct thread *t);
void wait_reused(struct thread *t);
void wait_cancelled(struct thread *t);
void wait_jumped(struct thread *t);
void wait_shared(struct thread *t);
void child_forked(struct thread *t);
void child_executed(struct thread *t);
int executed(char **arguments);
void round_trip(struct thread *t, struct conn *c, int side);
bool asleep(pid_t tid);
void check_end(struct thread *t, struct conn *c, int side);

// ---- The companion: companion.c -------------------------------------------------------------------------------------------

enum { WRITE_BYTES, SHUT, SIGNAL, SIGNAL_RESTART, JUMP, DRAIN, MOVE_READ, MOVE_ALREADY, CONNECT, REPLACE, QUIT };
void *companion(void *of);
void ask(struct thread *t, int what, int64_t delay);
void join(struct thread *t);
void prepare_signals(void);
void may_jump(struct thread *t);
void pause_ns(int64_t ns);

// ---- The C API, where the library is preloaded ----------------------------------------------------------------------------

extern int nd_set_read_deadline(int fd, int64_t when) __attribute__((weak));
extern int nd_set_write_deadline(int fd, int64_t when) __attribute__((weak));
extern int nd_get_deadlines(int fd, int64_t *read, int64_t *write) __attribute__((weak));
extern int64_t nd_scope_enter(int64_t when) __attribute__((weak));
extern int nd_scope_leave(int64_t token) __attribute__((weak));

#endif
