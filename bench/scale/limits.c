// A real process at its limits: very many epoll sets, and no descriptor left.
//
//   limits sets N       N sets, each of which holds a silent connection, under a preload with read=1s: each tells of it
//   limits descriptors  every descriptor is open that RLIMIT_NOFILE allows, under the same: waits end in time all the same
//   limits numbers      a number beyond 1,048,576: left to the kernel, without a deadline. Exit 77 where no process may have it
//
// Prints what it found. Exit 3: something did not expire, expired early, or a call failed that succeeds without us.
#include "../bench.h"

static void broken(const char *what, int i)
{
    fprintf(stderr, "limits: %s: %d (%s)\n", what, i, strerror(errno));
    exit(3);
}

static rlim_t allow(rlim_t wanted)
{
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = wanted && wanted < limit.rlim_max ? wanted : limit.rlim_max;
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    return limit.rlim_cur;
}

static long resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file || fscanf(file, "%*s %ld", &pages) != 1) DIE("/proc/self/statm");
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static void add(int set, int fd, int data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)data};
    if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event)) broken("epoll_ctl", data);
}

// One event, of this connection, a second after the wait began at the earliest.
static void told(int set, int data, uint64_t began)
{
    struct epoll_event event;
    int n = epoll_wait(set, &event, 1, 5000);
    if (n != 1 || event.data.u32 != (uint32_t)data) broken("a set was not told", data);
    if (now_ns() < began + 1000000000u) broken("early", data);
}

static void many_sets(int count)
{
    size_t n = (size_t)count;
    int *fds = calloc(n, sizeof *fds), *sets = calloc(n, sizeof *sets);
    uint64_t *began = calloc(n, sizeof *began);
    allow(0);
    silent_connections(fds, count);
    uint64_t start = now_ns();
    long before = resident();
    for (int i = 0; i < count; i++) {
        set_nonblocking(fds[i]);
        if ((sets[i] = epoll_create1(EPOLL_CLOEXEC)) < 0) broken("epoll_create1", i);
        began[i] = now_ns();
        add(sets[i], fds[i], i);
    }
    double us = (double)(now_ns() - start) / 1e3 / count;
    printf("%d sets with a connection each: %.1f us and %.1f KiB of memory for each\n", count, us,
           (double)(resident() - before) / 1024 / count);
    for (int i = 0; i < count; i++) told(sets[i], i, began[i]);
    printf("each of %d sets was told\n", count);
}

static void no_descriptor_left(void)
{
    enum { LIMIT = 300, MOST = LIMIT };
    int fds[MOST], count = 0, spare[3];
    struct sockaddr_in at;
    allow(LIMIT);
    int listening = listener(&at), set = MUST(epoll_create1(EPOLL_CLOEXEC));
    // Both ends are ours: nobody writes.
    for (int i = 0; i < 3; i++) spare[i] = MUST(dup(0));
    for (;;) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0) break;
        MUST(connect(fd, (struct sockaddr *)&at, sizeof at));
        fds[count++] = fd;
    }
    if (errno != EMFILE) broken("not EMFILE at the limit", errno);
    uint64_t began = now_ns();
    for (int i = 0; i < count; i++) {
        set_nonblocking(fds[i]);
        add(set, fds[i], i);
    }
    // The hidden timer found no room; who opens nothing more loses nothing.
    for (int done = 0; done < count; done++) {
        struct epoll_event event;
        char byte;
        if (epoll_wait(set, &event, 1, 5000) != 1) broken("not told", done);
        if (now_ns() < began + 1000000000u) broken("early", done);
        int i = (int)event.data.u32;
        if (recv(fds[i], &byte, 1, 0) != -1 || errno != ETIMEDOUT) broken("recv is not ETIMEDOUT", i);
        MUST(epoll_ctl(set, EPOLL_CTL_DEL, fds[i], NULL));
    }
    printf("%d connections expired with no descriptor left\n", count);
    for (int i = 0; i < 3; i++) MUST(close(spare[i]));
    for (int i = 0; i < 2; i++) MUST(socket(AF_INET, SOCK_STREAM, 0));
    printf("room that is made is the program's\n");
    close(listening);
}

static void beyond(void)
{
    enum { NUMBERS = 1 << 20 };
    int fds[2];
    if (allow(0) <= NUMBERS + 10) {
        fprintf(stderr, "RLIMIT_NOFILE cannot be above fs.nr_open's default of %d here\n", NUMBERS);
        exit(77);
    }
    silent_connections(fds, 2);
    for (int i = 0; i < 2; i++) {
        int high = MUST(fcntl(fds[i], F_DUPFD_CLOEXEC, NUMBERS + i)), set = MUST(epoll_create1(EPOLL_CLOEXEC));
        struct epoll_event event;
        close(fds[i]);
        set_nonblocking(high);
        add(set, high, i);
        if (epoll_wait(set, &event, 1, 2000) != 0) broken("told beyond the numbers that are covered", high);
        char byte;
        if (recv(high, &byte, 1, 0) != -1 || errno != EAGAIN) broken("recv is not EAGAIN", high);
        MUST(close(high));
    }
    printf("numbers beyond %d are left to the kernel\n", NUMBERS);
}

int main(int argc, char **argv)
{
    own_functions();
    if (argc == 3 && !strcmp(argv[1], "sets")) {
        many_sets(atoi(argv[2]));
    } else if (argc == 2 && !strcmp(argv[1], "descriptors")) {
        no_descriptor_left();
    } else if (argc == 2 && !strcmp(argv[1], "numbers")) {
        beyond();
    } else {
        fprintf(stderr, "usage: limits sets N|descriptors|numbers\n");
        return 2;
    }
    return 0;
}
