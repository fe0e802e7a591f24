// Real connections in one epoll set: what calls cost with N of them armed, how late their deadlines are, how much memory they take.
//
//   real N TIMEOUT_MS SPAN_MS    under a preload with read=TIMEOUT: they expire, each once, and never early
//   real N 0 0                   without: only the calls
//
// The other ends are a child's, which never uses them. Prints lines `n, what, value`, separated by tabs; ns, or bytes. Exit 3:
// something expired early, twice or not at all. Exit 4: the machine was too busy for so
// short a timeout. Exit 77: this process may not have so many descriptors.
#include "../bench.h"

static int *fds, *order;
static uint64_t *ends;
static int64_t *late;
static int count;

static void broken(const char *what, int i)
{
    fprintf(stderr, "real: connection %d: %s (%s)\n", i, what, strerror(errno));
    exit(3);
}

static void print(const char *what, double value) { printf("%d\t%s\t%.1f\n", count, what, value); }

static long resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%*s %ld", &pages) != 1) DIE("/proc/self/statm");
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

// Connections from one address to one port: with many of them connect searches long for a free number of its own.
enum { PER_PORT = 1000 };

static void connect_all(void)
{
    int ports = (count + PER_PORT - 1) / PER_PORT;
    struct sockaddr_in at[ports];
    int listening[ports];
    for (int p = 0; p < ports; p++) listening[p] = listener(&at[p]);
    pid_t parent = getpid(), child = MUST(fork());
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        for (int i = 0; i < count; i++)
            if (own.accept(listening[i / PER_PORT], NULL, NULL) < 0) _exit(1);
        for (;;) pause();
    }
    uint64_t began = now_ns();
    for (int i = 0; i < count; i++) fds[i] = connected(&at[i / PER_PORT]);
    print("connect", (double)(now_ns() - began) / count);
    for (int i = 0; i < count; i++) set_nonblocking(fds[i]);
    for (int p = 0; p < ports; p++) own.close(listening[p]);
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void expire_all(int set, uint64_t timeout)
{
    uint64_t give_up = now_ns() + timeout + 30000000000u;
    for (int told = 0; told < count;) {
        struct epoll_event events[64];
        int n = epoll_wait(set, events, 64, 10000);
        uint64_t now = now_ns();
        if (n <= 0 || now > give_up) broken("not told in time", told);
        for (int e = 0; e < n; e++) {
            int i = (int)events[e].data.u32;
            char byte;
            if (!ends[i]) broken("told twice", i);
            late[told++] = (int64_t)(now - ends[i]);
            ends[i] = 0;
            if (recv(fds[i], &byte, 1, 0) != -1 || errno != ETIMEDOUT) broken("recv is not ETIMEDOUT", i);
            // Not again: the clock of a connection that is waited for begins anew.
            MUST(epoll_ctl(set, EPOLL_CTL_DEL, fds[i], NULL));
        }
    }
    qsort(late, (size_t)count, sizeof *late, by_size);
    print("earliest", (double)late[0]);
    print("median", (double)late[count / 2]);
    print("p99", (double)late[(int)(count * 0.99)]);
    print("max", (double)late[count - 1]);
    if (late[0] < 0) broken("early", 0);
}

int main(int argc, char **argv)
{
    own_functions();
    if (argc != 4 || (count = atoi(argv[1])) < 1) {
        fprintf(stderr, "usage: real N TIMEOUT_MS SPAN_MS\n");
        return 2;
    }
    uint64_t timeout = strtoull(argv[2], NULL, 10) * 1000000u, span = strtoull(argv[3], NULL, 10) * 1000000u;
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = limit.rlim_max;
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    if (limit.rlim_max < (rlim_t)count + 200) {
        fprintf(stderr, "real: at most %lu descriptors\n", (unsigned long)limit.rlim_max);
        return 77;
    }
    size_t n = (size_t)count;
    fds = calloc(n, sizeof *fds), order = calloc(n, sizeof *order), ends = calloc(n, sizeof *ends), late = calloc(n, sizeof *late);
    for (int i = 0; i < count; i++) fds[i] = order[i] = -1, ends[i] = 1, late[i] = 1; // touched before memory is measured
    for (int i = 0; i < count; i++) {
        int j = rand() % (i + 1);
        order[i] = order[j], order[j] = i;
    }
    int set = MUST(epoll_create1(EPOLL_CLOEXEC));
    struct epoll_event events[64];
    MUST(epoll_wait(set, events, 64, 0));
    long before = resident();
    connect_all();

    uint64_t start = now_ns(), busy = 0;
    for (int i = 0; i < count; i++) {
        sleep_until(start + span * (uint64_t)i / n);
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        uint64_t began = now_ns();
        ends[i] = began + timeout;
        MUST(epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &event));
        busy += now_ns() - began;
    }
    print("register and arm", (double)busy / count);
    print("resident bytes", (double)(resident() - before) / count);

    if (!timeout) {
        // In rounds, the median of which counts: others run on this machine.
        enum { ROUNDS = 21, CALLS = 500 };
        int64_t waits[ROUNDS], receives[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) {
            uint64_t began = now_ns();
            for (int i = 0; i < CALLS; i++)
                if (MUST(epoll_wait(set, events, 64, 0)) != 0) broken("told, though nothing is due", 0);
            waits[r] = (int64_t)(now_ns() - began) * 10 / CALLS;
            began = now_ns();
            for (int i = 0; i < CALLS; i++) {
                char byte;
                if (recv(fds[order[(r * CALLS + i) % count]], &byte, 1, 0) != -1 || errno != EAGAIN) broken("recv is not EAGAIN", i);
            }
            receives[r] = (int64_t)(now_ns() - began) * 10 / CALLS;
        }
        qsort(waits, ROUNDS, sizeof *waits, by_size);
        qsort(receives, ROUNDS, sizeof *receives, by_size);
        print("epoll_wait, nothing due", (double)waits[ROUNDS / 2] / 10);
        print("recv that gets EAGAIN", (double)receives[ROUNDS / 2] / 10);
    } else {
        if (now_ns() > ends[0]) {
            fprintf(stderr, "real: the first is due before the last is armed\n");
            return 4;
        }
        expire_all(set, timeout);
    }
    uint64_t began = now_ns();
    for (int i = 0; i < count; i++) MUST(close(fds[i]));
    print("close", (double)(now_ns() - began) / count);
    return 0;
}
