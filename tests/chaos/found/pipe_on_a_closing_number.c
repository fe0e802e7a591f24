// A number is closed by one thread and given to another (as a pipe) by the kernel before the first one's close() is back: poll must not
// call it POLLNVAL. Way: preload; once nd_set_read_deadline was called. Prints how often it did, of how many polls; exit 1 if ever.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

extern int nd_set_read_deadline(int fd, int64_t when) __attribute__((weak));

static atomic_int over;

static void *closes(void *nothing) {
    while (!atomic_load(&over)) {
        int two[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, two) == 0)
            close(two[0]), close(two[1]);
    }
    return nothing;
}

int main(void) {
    pthread_t threads[3];
    int two[2], wrong = 0, polls = 0;
    if (nd_set_read_deadline)
        nd_set_read_deadline(-1, 0);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, two) != 0)
        return 2;
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, closes, NULL);
    for (time_t end = time(NULL) + 5; time(NULL) < end; polls++) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            return 2;
        struct pollfd p[2] = {{.fd = ends[1], .events = POLLOUT}, {.fd = two[0], .events = POLLOUT}};
        poll(p, 2, 0);
        wrong += p[0].revents != POLLOUT;
        close(ends[0]), close(ends[1]);
    }
    atomic_store(&over, 1);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    printf("%d of %d polls call an open pipe something else\n", wrong, polls);
    return wrong != 0;
}
