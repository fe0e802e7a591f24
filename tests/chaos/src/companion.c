// What happens to a thread while it waits: its companion sends the bytes, the signal, or puts another socket on the number.
//
// A thread asks before it waits and joins afterwards; between, the connection in the job belongs to both, and who touches what
// is said at each.
#include "chaos.h"

// Does that thread sleep in the kernel? Only then is its call known to have begun.
bool asleep(pid_t tid) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    // Not through the table of `mine`: this number comes and goes between two calls of one thread.
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    const char *end = strrchr(text, ')');
    return end && end[2] == 'S';
}

void pause_ns(int64_t ns) {
    struct timespec wait = timespec_of(ns);
    clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
}

static void until_asleep(struct thread *t) {
    // Seen asleep twice: once may be a moment in which it waited for a lock of the kernel's.
    int64_t until = now() + SECOND;
    for (int seen = 0; seen < 2 && now() < until;) {
        seen = asleep(t->tid) ? seen + 1 : 0;
        pause_ns(200000);
    }
}

// Put a stranger, with bytes of its own waiting, on the number that the thread reads from.
static void replace(struct job *job) {
    if (dup2(job->other, job->fd) != job->fd)
        abort();
}

static void write_all(struct thread *t, struct job *job) {
    unsigned char bytes[4096];
    fill(job->conn, job->side, (uint64_t)job->when, bytes, job->length);
    for (uint32_t done = 0; done < job->length;) {
        ssize_t n = write(job->fd, bytes + done, job->length - done);
        if (n > 0)
            done += (uint32_t)n;
        else if (!(world->faults && (errno == EINTR || errno == ENOBUFS)) && errno != EAGAIN && errno != ETIMEDOUT)
            fault(t, "the companion's write on %d: %s", job->fd, strerrorname_np(errno));
        t->calls++;
    }
}

// Read that many bytes of those that were under way.
static void take(struct thread *t, struct job *job) {
    unsigned char bytes[4096];
    uint64_t left = job->length;
    while (left) {
        struct receive r = {.to = bytes, .length = left < sizeof bytes ? left : sizeof bytes, .dont = true};
        long n = receive(t, job->conn, job->side, &r);
        if (n > 0)
            left -= (uint64_t)n;
        else
            pause_ns(50000);
    }
}

void *companion(void *of) {
    struct thread *t = of;
    struct thread *mine = calloc(1, sizeof *mine); // its calls must not mix with those of the thread
    mine->number = t->number;
    mine->doing = "companion";
    unsigned char bytes[64];
    for (;;) {
        while (sem_wait(&t->asked) != 0)
            ;
        struct job *job = &t->job;
        if (job->what == QUIT)
            break;
        pause_ns(job->delay);
        switch (job->what) {
            case WRITE_BYTES: write_all(mine, job); break;
            case SHUT: shutdown(job->fd, SHUT_WR); break;
            case SIGNAL_RESTART:
            case SIGNAL:
                until_asleep(t);
                pthread_kill(t->self, job->what == SIGNAL ? SIGUSR2 : SIGUSR1);
                pause_ns(MS);
                write_all(mine, job);
                break;
            case JUMP:
                until_asleep(t);
                pthread_kill(t->self, SIGURG);
                break;
            case DRAIN: take(mine, job); break;
            case MOVE_READ:
                until_asleep(t);
                // fall through
            case MOVE_ALREADY:
                job->conn->end[job->side].nd_read = job->when;
                if (nd_set_read_deadline(job->fd, job->when) != 0)
                    fault(mine, "nd_set_read_deadline(%d): %s", job->fd, strerrorname_np(errno));
                break;
            case CONNECT:
                if (connect(job->fd, job->address, job->size) != 0 && errno != EINPROGRESS)
                    fault(mine, "the companion's connect: %s", strerrorname_np(errno));
                break;
            case REPLACE:
                until_asleep(t);
                replace(job);
                pause_ns(below(mine, 2) ? 0 : MS);
                // The bytes that it waits for. Who waited may have left already, and its socket with it: then they go nowhere.
                fill(job->conn, job->side, (uint64_t)job->when, bytes, job->length);
                for (uint32_t done = 0, resets = 0; done < job->length;) {
                    ssize_t n = write(job->next, bytes + done, job->length - done);
                    if (n > 0) {
                        done += (uint32_t)n;
                    } else if (gone(errno)) {
                        // An injected reset is no peer that left: who waits would wait for ever.
                        if (!world->faults || ++resets == 20)
                            break;
                    } else if (!world->faults) {
                        fault(mine, "the companion's write on %d: %s", job->next, strerrorname_np(errno));
                    }
                }
                break;
            default: break;
        }
        __atomic_fetch_add(&world->total_calls, mine->calls + 2, __ATOMIC_RELAXED);
        mine->calls = 0;
        sem_post(&t->done);
    }
    free(mine);
    return NULL;
}

void ask(struct thread *t, int what, int64_t delay) {
    t->job.what = what;
    t->job.delay = delay;
    sem_post(&t->asked);
}

void join(struct thread *t) {
    while (sem_wait(&t->done) != 0)
        ;
}

// ---- Signals --------------------------------------------------------------------------------------------------------------

static __thread struct thread *jumper;

static void counts(int signal) {
    (void)signal;
    atomic_fetch_add(&world->signals, 1);
}

static void jumps(int signal) {
    (void)signal;
    if (jumper && jumper->jumpable) {
        jumper->jumpable = 0;
        siglongjmp(jumper->jump, 1);
    }
}

void may_jump(struct thread *t) { jumper = t; }

void prepare_signals(void) {
    struct sigaction action = {.sa_handler = counts, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags = 0;
    sigaction(SIGUSR2, &action, NULL);
    action.sa_handler = jumps;
    sigaction(SIGURG, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}
