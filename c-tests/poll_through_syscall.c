// The waits made through libc's syscall() expire like the named ones.
// Source: SEMANTICS "fds and processes": raw syscall(2) through libc is routed through the same doors.
//
// env: NETDEADLINE_READ=150ms
#include "nb_wait.h"

static const uint64_t NO_SIGNALS;

// The kernel's own idea of pselect6's last argument.
struct mask {
    const uint64_t *set;
    size_t size;
};

int main(void) {
    for (int call = 0; call < 8; call++) {
        fprintf(stderr, "call: %d\n", call);
        struct nd_pair pair = nb_pair();
        struct pollfd entry = {.fd = pair.client, .events = POLLIN};
        struct timespec at = {.tv_sec = 5};
        struct timeval left = {.tv_sec = 5};
        struct mask mask = {.set = &NO_SIGNALS, .size = 8};
        struct epoll_event event = {0};
        fd_set in;
        char byte;
        int set = nb_set();
        FD_ZERO(&in);
        FD_SET(pair.client, &in);
        int64_t start = nd_now();
        if (call >= 4) nb_add(set, pair.client, EPOLLIN);
        switch (call) {
        case 0: CHECK_EQ(syscall(SYS_poll, &entry, 1, 5000), 1); break;
        case 1: CHECK_EQ(syscall(SYS_ppoll, &entry, 1, &at, NULL, 8), 1); break;
        case 2: CHECK_EQ(syscall(SYS_select, pair.client + 1, &in, NULL, NULL, &left), 1); break;
        case 3: CHECK_EQ(syscall(SYS_pselect6, pair.client + 1, &in, NULL, NULL, &at, &mask), 1); break;
        case 4: CHECK_EQ(syscall(SYS_epoll_wait, set, &event, 1, 5000), 1); break;
        case 5: CHECK_EQ(syscall(SYS_epoll_pwait, set, &event, 1, 5000, NULL, 8), 1); break;
        case 6: CHECK_EQ(syscall(SYS_epoll_pwait2, set, &event, 1, &at, NULL, 8), 1); break;
        case 7: CHECK_EQ(syscall(SYS_epoll_pwait2, set, &event, 1, &at, &NO_SIGNALS, 8), 1); break;
        }
        CHECK_ENDED_AT(start, 150 * MS);
        if (call >= 4) CHECK_EQ(nb_event_fd(&event), pair.client);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        close(set);
        nd_pair_close(&pair);
    }
    return 0;
}
