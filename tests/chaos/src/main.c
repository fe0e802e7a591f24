// Random programs, one after the other, from seeds; and the checks between them: descriptors, memory.
//
//   chaos --way WAY [--faults] [--seed N] [--programs N] [--calls N] [--seconds N] [--operations N] [--without MASK]
//         [--threads N] [--stride N] [--progress FILE]
//
// WAY says what the model may expect (native, idle, hour, short, movable); the caller has set up the environment accordingly (run).
// A seed is one program: how many threads, what each does, in which order. It ends when each thread of quick calls has made
// its operations; threads that wait go on until then. The process ends with 0, or 3 and the fault on stderr.
#include "chaos.h"
#include <dirent.h>

struct world *world;

struct operation {
    const char *name;
    void (*run)(struct thread *);
    unsigned weight, waiting;   // of 10,000: in threads of quick calls, in threads that wait
    bool child;
};

static const struct operation operations[] = {
    {"send", do_send, 3000, 1000, false},
    {"receive", do_receive, 3000, 1000, false},
    {"poll", do_poll, 1000, 300, false},
    {"select", do_select, 400, 100, false},
    {"epoll_wait", do_epoll_wait, 900, 300, false},
    {"epoll_ctl", do_epoll_ctl, 500, 300, false},
    {"epoll_nested", do_epoll_nested, 100, 100, false},
    {"epoll_sets", do_epoll_sets, 30, 50, false},
    {"open", do_open, 50, 300, false},
    {"close", do_close, 30, 150, false},
    {"dup", do_dup, 150, 150, false},
    {"nonblock", do_nonblock, 200, 200, false},
    {"options", do_options, 60, 100, false},
    {"shutdown", do_shutdown, 6, 30, false},
    {"pass", do_pass, 60, 60, false},
    {"give", do_give, 30, 60, false},
    {"refused", do_refused, 4, 20, false},
    {"bystander", do_bystander, 250, 50, false},
    {"close_range", do_close_range, 10, 20, false},
    {"check", do_check, 150, 100, false},
    {"api", do_api, 200, 200, false},
    {"scope", do_scope, 40, 60, false},
    {"wait_read", wait_read, 0, 1000, false},
    {"wait_ready", wait_ready, 0, 1000, false},
    {"wait_write", wait_write, 0, 120, false},
    {"wait_accept", wait_accept, 0, 150, false},
    {"wait_connect", wait_connect, 0, 50, false},
    {"wait_moved", wait_moved, 0, 300, false},
    {"wait_reused", wait_reused, 0, 300, false},
    {"wait_cancelled", wait_cancelled, 0, 100, false},
    {"wait_jumped", wait_jumped, 0, 60, false},
    {"wait_shared", wait_shared, 0, 60, false},
    {"child_forked", child_forked, 2, 60, true},
    {"child_executed", child_executed, 1, 30, true},
};
#define OPERATIONS (sizeof operations / sizeof *operations)

static const struct operation *pick(struct thread *t) {
    unsigned total = 0;
    for (size_t i = 0; i < OPERATIONS; i++)
        if (!(world->without >> i & 1) && (!operations[i].child || world->children))
            total += t->waiter ? operations[i].waiting : operations[i].weight;
    unsigned at = below(t, total);
    for (size_t i = 0;; i++) {
        if ((world->without >> i & 1) || (operations[i].child && !world->children))
            continue;
        unsigned weight = t->waiter ? operations[i].waiting : operations[i].weight;
        if (at < weight)
            return &operations[i];
        at -= weight;
    }
}

static void *run_thread(void *of) {
    struct thread *t = of;
    t->self = pthread_self();
    t->tid = gettid();
    sem_init(&t->asked, 0, 0);
    sem_init(&t->done, 0, 0);
    MUST(t, pthread_create(&t->companion, NULL, companion, t) == 0);
    int two[2];
    MUST(t, CALL(t, socketpair, -1, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, two) == 0);
    t->carrier[0] = own(t, two[0]);
    t->carrier[1] = own(t, two[1]);
    t->outer = own(t, (int)CALL(t, epoll_create1, -1, EPOLL_CLOEXEC));
    t->file = own(t, (int)CALL(t, memfd_create, -1, "bystander", MFD_CLOEXEC));
    t->written = 7;
    MUST(t, CALL(t, pwrite, t->file, t->file, &t->written, sizeof t->written, 0) == sizeof t->written);
    for (int i = 0; i < SETS; i++)
        t->sets[i].fd = -1;
    open_listeners(t);
    for (int i = 0; i < 3; i++)
        open_some(t);
    uint64_t seed = mix(world->seed * 64 + (uint64_t)t->number);
    for (t->op = 1; t->op <= world->operations && (!t->waiter || atomic_load_explicit(&world->hammers, memory_order_relaxed)); t->op++) {
        // Each operation has its own numbers, whatever came before it: leaving some out changes the others little.
        t->rng.state = mix(seed + t->op * 0x9e3779b97f4a7c15u);
        const struct operation *operation = pick(t);
        t->doing = operation->name;
        unsigned before = t->logged;
        operation->run(t);
        t->made[operation - operations] += t->logged != before;
    }
    if (!t->waiter)
        atomic_fetch_sub(&world->hammers, 1);
    t->doing = "the end";
    close_sets(t);
    for (int i = 0; i < CONNS; i++) {
        struct conn *c = &t->conns[i];
        for (int s = 0; s < 2 && c->used; s++)
            drain(t, c, s);
        if (c->used)
            close_conn(t, c);
    }
    close_listeners(t);
    int rest[] = {t->carrier[0], t->carrier[1], t->outer, t->file};
    for (int i = 0; i < 4; i++) {
        disown(t, rest[i]);
        MUST(t, CALL(t, close, rest[i], rest[i]) == 0);
    }
    t->job.what = QUIT;
    sem_post(&t->asked);
    MUST(t, pthread_join(t->companion, NULL) == 0);
    t->doing = NULL;
    return NULL;
}

// ---- Between programs -----------------------------------------------------------------------------------------------------

struct usage {
    long resident, maps, descriptors, hidden;
};

// Descriptors that are open and not the program's. The library may keep its own: high, and of its kinds.
static struct usage look(struct thread *t) {
    struct usage usage = {0};
    DIR *directory = opendir("/proc/self/fd");
    for (struct dirent *entry; (entry = readdir(directory));) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(directory))
            continue;
        usage.descriptors++;
        if (fd <= 2 || (fd < FDS && world->mine[fd]))
            continue;
        char path[64], target[128];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, target, sizeof target - 1);
        target[n > 0 ? n : 0] = 0;
        bool ours = world->library && fd >= FDS && strncmp(target, "anon_inode:", 11) == 0;
        if (!ours)
            fault(t, "descriptor %d (%s) is open, and the program has not opened it: a LEAK", fd, target);
        usage.hidden++;
    }
    closedir(directory);
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%*d %ld", &usage.resident) != 1)
        usage.resident = 0;
    fclose(file);
    file = fopen("/proc/self/maps", "re");
    for (int c; (c = fgetc(file)) != EOF;)
        usage.maps += c == '\n';
    fclose(file);
    return usage;
}

#define WARM 12
// Pages of 4 KiB, and lines of maps, that a process may gain after its first programs: stacks and heaps of threads. It gains some 170
// and 10; a description (96 bytes) that is lost with each socket is 1 page a program.
#define MORE_PAGES 768
#define MORE_MAPS 60

static void check_usage(struct thread *t, uint64_t program) {
    static struct usage first;
    struct usage usage = look(t);
    // Sets are closed, threads are gone: timers of sets with them. Wakers stay, one for each thread that waited at a time.
    if (usage.hidden > 2 * THREADS + 2 + (world->way == MOVABLE ? 512 : 0))
        fault(t, "%ld hidden descriptors are open when nothing is: a LEAK", usage.hidden);
    if (program < WARM) {
        first.resident = usage.resident > first.resident ? usage.resident : first.resident;
        first.maps = usage.maps > first.maps ? usage.maps : first.maps;
    } else if (usage.resident > first.resident + MORE_PAGES || usage.maps > first.maps + MORE_MAPS) {
        fault(t, "memory grows: %ld pages and %ld maps, after %d programs it was %ld and %ld: a LEAK", usage.resident, usage.maps,
              WARM, first.resident, first.maps);
    }
}

static void run_program(uint64_t seed, int threads) {
    struct thread chance = {.rng = {mix(seed + 77)}};
    world->seed = seed;
    world->threads = threads ? threads : 2 + (int)below(&chance, THREADS - 2);
    world->children = one_in(&chance, 6);
    int waiters = 1 + (int)below(&chance, (uint32_t)world->threads - 1);
    atomic_store(&world->hammers, world->threads - waiters);
    pthread_t running[THREADS];
    for (int i = 0; i < world->threads; i++) {
        struct thread *t = &world->thread[i];
        memset(t, 0, sizeof *t);
        t->number = i;
        t->waiter = i < waiters;
    }
    for (int i = 0; i < world->threads; i++)
        MUST(&world->thread[i], pthread_create(&running[i], NULL, run_thread, &world->thread[i]) == 0);
    for (int i = 0; i < world->threads; i++) {
        MUST(&world->thread[i], pthread_join(running[i], NULL) == 0);
        world->total_calls += world->thread[i].calls;
        world->total_waits += world->thread[i].waits;
        world->total_expiries += world->thread[i].expiries;
        for (size_t k = 0; k < OPERATIONS; k++)
            world->made[k] += world->thread[i].made[k];
        for (int k = 0; k < 3; k++)
            world->injected[k] += world->thread[i].injected[k];
    }
    struct thread *t = &world->thread[0];
    t->doing = "between programs";
    for (size_t i = 0; i < sizeof world->shelved / sizeof *world->shelved; i++)
        if (atomic_exchange(&world->shelved[i], 0) == 2) {
            t->conns[0] = world->shelf[i];
            drain(t, &t->conns[0], 0);
            drain(t, &t->conns[0], 1);
            close_conn(t, &t->conns[0]);
        }
    check_usage(t, world->programs++);
}

// ---- The process that watches ---------------------------------------------------------------------------------------------

// Nothing may take this long: the longest wait is LATE, and both processors are busy.
#define HUNG (25 * SECOND)

// Looks whether every thread gets on; tells what each was in when one does not.
static int watch(pid_t worker, int64_t until) {
    uint64_t last[THREADS] = {0};
    int64_t since[THREADS];
    for (int i = 0; i < THREADS; i++)
        since[i] = now();
    for (;;) {
        int status;
        pid_t ended = waitpid(worker, &status, WNOHANG);
        if (ended == worker) {
            if (WIFEXITED(status))
                return WEXITSTATUS(status);
            fprintf(stderr, "FAULT: killed by signal %d\n  seed %llu\n", WTERMSIG(status), (unsigned long long)world->seed);
            for (int i = 0; i < world->threads; i++)
                show_thread(&world->thread[i]);
            return 3;
        }
        int64_t at = now();
        for (int i = 0; i < world->threads && i < THREADS; i++) {
            struct thread *t = &world->thread[i];
            uint64_t seen = t->calls + t->logged + t->op * 1000 + world->programs;
            if (seen != last[i] || !t->doing)
                last[i] = seen, since[i] = at;
            if (at - since[i] > HUNG) {
                fprintf(stderr, "FAULT: HANG: thread %d makes no call for %lld s\n  seed %llu\n", i, HUNG / SECOND,
                        (unsigned long long)world->seed);
                for (int k = 0; k < world->threads; k++)
                    show_thread(&world->thread[k]);
                kill(worker, SIGABRT);
                waitpid(worker, &status, 0);
                return 3;
            }
        }
        if (until && at > until + 2 * HUNG) {
            kill(worker, SIGKILL);
            waitpid(worker, &status, 0);
            return 4;
        }
        pause_ns(20 * MS);
    }
}

static uint64_t number(char **arguments, int count, const char *name, uint64_t otherwise) {
    for (int i = 1; i + 1 < count; i++)
        if (strcmp(arguments[i], name) == 0)
            return strtoull(arguments[i + 1], NULL, 0);
    return otherwise;
}

static bool has(char **arguments, int count, const char *name, const char *value) {
    for (int i = 1; i < count; i++)
        if (strcmp(arguments[i], name) == 0)
            return !value || (i + 1 < count && strcmp(arguments[i + 1], value) == 0);
    return false;
}

int main(int count, char **arguments) {
    if (count == 6 && strcmp(arguments[1], "--child") == 0)
        return executed(arguments + 2);
    // What the caller left open is not the program's.
    close_range(3, ~0u, 0);
    static const char *const ways[] = {"native", "idle", "hour", "short", "movable"};
    world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (world == MAP_FAILED)
        return 2;
    for (int i = 0; i < 5; i++)
        if (has(arguments, count, "--way", ways[i]))
            world->way = (enum way)i;
    world->library = world->way != NATIVE;
    // What is said to be there is there, and nothing else.
    if (world->library != (nd_set_read_deadline != NULL)) {
        fprintf(stderr, "the library is%s there\n", nd_set_read_deadline ? "" : " not");
        return 2;
    }
    world->faults = has(arguments, count, "--faults", NULL);
    world->without = number(arguments, count, "--without", 0);
    world->operations = number(arguments, count, "--operations", 20000);
    uint64_t seed = number(arguments, count, "--seed", 1), stride = number(arguments, count, "--stride", 1);
    uint64_t programs = number(arguments, count, "--programs", ~0ull), calls = number(arguments, count, "--calls", ~0ull);
    int64_t seconds = (int64_t)number(arguments, count, "--seconds", 0), began = now(), until = seconds ? began + seconds * SECOND : 0;
    if (programs == ~0ull && calls == ~0ull && !seconds)
        programs = 1;
    int threads = (int)number(arguments, count, "--threads", 0);
    if (threads == 1 || threads > THREADS)
        return 2;
    pid_t worker = fork();
    if (worker == 0) {
        prepare_signals();
        // Waits are movable from a process's first call on.
        if (world->way == MOVABLE)
            nd_set_read_deadline(-1, 0);
        for (uint64_t i = 0; i < programs && world->total_calls < calls && (!until || now() < until); i++) {
            run_program(seed + i * stride, threads);
        }
        _exit(0);
    }
    int code = worker < 0 ? 2 : watch(worker, until);
    int64_t took = now() - began;
    printf("%llu calls %llu programs %llu expiries %llu waits %lld ms, last seed %llu\n", (unsigned long long)world->total_calls,
           (unsigned long long)world->programs, (unsigned long long)world->total_expiries, (unsigned long long)world->total_waits,
           (long long)(took / MS), (unsigned long long)world->seed);
    printf("made");
    for (size_t i = 0; i < OPERATIONS; i++)
        printf(" %s=%llu", operations[i].name, (unsigned long long)world->made[i]);
    static const char *const errors[] = {"EINTR", "ECONNRESET", "ENOBUFS"};
    for (int i = 0; i < 3 && world->faults; i++)
        printf(" %s=%llu", errors[i], (unsigned long long)world->injected[i]);
    printf("\n");
    return code;
}
