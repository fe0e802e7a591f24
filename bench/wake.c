// How long it takes to end another thread's wait by a past deadline.
//
//   wake recv|poll|epoll N     a thread waits on a silent connection with a deadline in an hour, another moves that into the past
//   wake eventfd N             the control: the thread waits in poll on the connection and an eventfd, another writes to that
//
// Prints one line for each of N times: ns from just before the deadline was moved (or the eventfd written) until the wait was
// over and the program knew why. Exit 3: a wait did not end as it must. Statistics belong in the driver.
#include "bench.h"
#include <netdeadline.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/eventfd.h>

#define HOUR 3600000000000

static int connection = -1, bell = -1, set = -1;
static uint64_t over;
static sem_t begin, done;

static void broken(const char *what)
{
    fprintf(stderr, "%s (%s)\n", what, strerror(errno));
    exit(3);
}

static void in_recv(void)
{
    if (recv(connection, &(char){0}, 1, 0) != -1 || errno != ETIMEDOUT) broken("recv is not ETIMEDOUT");
}
static void in_poll(void)
{
    struct pollfd entry = {.fd = connection, .events = POLLIN};
    if (poll(&entry, 1, -1) != 1) broken("poll");
    in_recv();
}
static void in_epoll(void)
{
    struct epoll_event event;
    if (epoll_wait(set, &event, 1, -1) != 1) broken("epoll_wait");
    in_recv();
}
static void in_eventfd(void)
{
    struct pollfd entries[2] = {{.fd = connection, .events = POLLIN}, {.fd = bell, .events = POLLIN}};
    uint64_t rung;
    if (poll(entries, 2, -1) != 1 || own.read(bell, &rung, sizeof rung) != sizeof rung) broken("nobody rang");
}

static void set_up_recv(void) {}
static void set_up_epoll(void)
{
    set = MUST(epoll_create1(EPOLL_CLOEXEC));
    struct epoll_event event = {.events = EPOLLIN};
    MUST(epoll_ctl(set, EPOLL_CTL_ADD, connection, &event));
}
static void set_up_eventfd(void) { bell = MUST(eventfd(0, EFD_CLOEXEC)); }

static const struct how {
    const char *name;
    void (*set_up)(void), (*wait)(void);
} ways[] = {
    {"recv", set_up_recv, in_recv},
    {"poll", set_up_recv, in_poll},
    {"epoll", set_up_epoll, in_epoll},
    {"eventfd", set_up_eventfd, in_eventfd},
};

static void *waiter(void *how)
{
    for (;;) {
        sem_wait(&begin);
        ((const struct how *)how)->wait();
        over = now_ns();
        sem_post(&done);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    own_functions();
    const struct how *how = ways;
    while (how < ways + sizeof ways / sizeof *ways && (argc != 3 || strcmp(argv[1], how->name))) how++;
    if (how == ways + sizeof ways / sizeof *ways) return fprintf(stderr, "usage: wake recv|poll|epoll|eventfd N\n"), 2;
    silent_connections(&connection, 1);
    how->set_up();
    pthread_t thread;
    sem_init(&begin, 0, 0);
    sem_init(&done, 0, 0);
    MUST(-pthread_create(&thread, NULL, waiter, (void *)how));
    for (int i = 0; i < atoi(argv[2]); i++) {
        // The control's process makes no nd_ call at all: its waits are the kernel's own.
        if (bell < 0) MUST(nd_set_read_deadline(connection, nd_now() + HOUR));
        sem_post(&begin);
        sleep_until(now_ns() + 2000000); // it waits by then
        uint64_t start = now_ns();
        if (bell < 0)
            MUST(nd_set_read_deadline(connection, 1));
        else
            MUST(own.write(bell, &(uint64_t){1}, sizeof(uint64_t)));
        sem_wait(&done);
        printf("%lld\n", (long long)(over - start));
    }
    return 0;
}
