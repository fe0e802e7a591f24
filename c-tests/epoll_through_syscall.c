// The epoll waits by number, through libc's syscall(), with a signal mask and without: never the hidden fd's event.
// Source: SEMANTICS "Non-blocking sockets" 2: filter its event always; "fds and processes": syscall(2) has the same doors.
//
// env: NETDEADLINE_READ=150ms
// needs: musl
#include "nb_wait.h"

static const uint64_t NO_SIGNALS;

int main(void) {
    for (int call = 0; call < 5; call++) {
        fprintf(stderr, "call: %d\n", call);
        struct nd_pair pair = nb_pair();
        struct timespec at = {.tv_nsec = 400000000};
        struct epoll_event event = {0};
        int set = nb_set();
        long ready = 0;
        nb_add(set, pair.client, EPOLLIN);
        switch (call) {
        case 0: ready = syscall(SYS_epoll_wait, set, &event, 1, 400); break;
        case 1: ready = syscall(SYS_epoll_pwait, set, &event, 1, 400, NULL, 8); break;
        case 2: ready = syscall(SYS_epoll_pwait, set, &event, 1, 400, &NO_SIGNALS, 8); break;
        case 3: ready = syscall(SYS_epoll_pwait2, set, &event, 1, &at, NULL, 8); break;
        case 4: ready = syscall(SYS_epoll_pwait2, set, &event, 1, &at, &NO_SIGNALS, 8); break;
        }
        CHECK(ready == 0 || ready == 1);
        if (ready) CHECK_EQ(nb_event_fd(&event), pair.client);
        close(set);
        nd_pair_close(&pair);
    }
    return 0;
}
