// In a scope a wait that has no socket returns 0 at the scope's instant, and then at once: poll and select of nothing, of a pipe, an
// epoll set that is empty or holds a pipe. Beside a socket a pipe that has nothing is not reported; one that has data is.
// Source: include/netdeadline.h, nd_scope_enter.
//
// api: yes
#include "apin_wait.h"

static int pipe_ends[2], empty_set, pipe_set;

static int poll_nothing(int timeout) { return io_poll(NULL, 0, timeout); }
static int poll_pipe(int timeout) {
    struct pollfd entry = {.fd = pipe_ends[0], .events = POLLIN};
    return io_poll(&entry, 1, timeout);
}
static int poll_skipped(int timeout) {
    struct pollfd entry = {.fd = -1, .events = POLLIN};
    return io_poll(&entry, 1, timeout);
}
#if API_INTERPOSED
static int ppoll_pipe(int timeout) {
    struct pollfd entry = {.fd = pipe_ends[0], .events = POLLIN};
    struct timespec at;
    return ppoll(&entry, 1, nb_timespec(&at, timeout), NULL);
}
static int select_nothing(int timeout) {
    struct timeval left = {.tv_sec = timeout / 1000};
    return select(0, NULL, NULL, NULL, timeout < 0 ? NULL : &left);
}
static int select_pipe(int timeout) {
    struct timeval left = {.tv_sec = timeout / 1000};
    fd_set in;
    FD_ZERO(&in);
    FD_SET(pipe_ends[0], &in);
    int ready = select(pipe_ends[0] + 1, &in, NULL, NULL, timeout < 0 ? NULL : &left);
    CHECK(ready < 0 || FD_ISSET(pipe_ends[0], &in) == (ready == 1));
    return ready;
}
static int pselect_pipe(int timeout) {
    struct timespec at;
    fd_set in;
    FD_ZERO(&in);
    FD_SET(pipe_ends[0], &in);
    return pselect(pipe_ends[0] + 1, &in, NULL, NULL, nb_timespec(&at, timeout), NULL);
}
static int epoll_empty(int timeout) {
    struct epoll_event event;
    return epoll_wait(empty_set, &event, 1, timeout);
}
static int epoll_pipe(int timeout) {
    struct epoll_event event;
    return epoll_pwait(pipe_set, &event, 1, timeout, NULL);
}
static int epoll_pipe_2(int timeout) {
    struct epoll_event event;
    return nb_epoll(NB_EPOLL_PWAIT2, pipe_set, &event, 1, timeout);
}
#endif
static const struct {
    const char *name;
    int (*wait)(int timeout);
    bool has_pipe;
} waits[] = {
    {"poll of nothing", poll_nothing, false},     {"poll of a pipe", poll_pipe, true},
    {"poll of fd -1", poll_skipped, false},
#if API_INTERPOSED
    {"ppoll of a pipe", ppoll_pipe, true},        {"select of nothing", select_nothing, false},
    {"select of a pipe", select_pipe, true},      {"pselect of a pipe", pselect_pipe, true},
    {"an empty set", epoll_empty, false},         {"a set with a pipe", epoll_pipe, true},
    {"epoll_pwait2 with a pipe", epoll_pipe_2, true},
#endif
};

int main(void) {
    char byte;
    MUST(pipe2(pipe_ends, O_CLOEXEC));
    empty_set = nb_set();
    pipe_set = nb_set();
    nb_add(pipe_set, pipe_ends[0], EPOLLIN);
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        apin_say(waits[i].name);
        for (int timeout = -1; timeout <= 20000; timeout += 20001) {
            int64_t when = nd_now() + 10 * MS, token = nd_scope_enter(when);
            CHECK(token >= 0);
            CHECK_EQ(waits[i].wait(timeout), 0);
            CHECK_JUST_AFTER(when);
            int64_t start = nd_now();
            CHECK_EQ(waits[i].wait(timeout), 0);
            CHECK_EQ(waits[i].wait(0), 0);
            CHECK_AT_ONCE(start, ND_LATE);
            CHECK_EQ(nd_raw_write(pipe_ends[1], "p", 1), 1);
            CHECK_EQ(waits[i].wait(timeout), waits[i].has_pipe);
            CHECK_EQ(nd_raw_read(pipe_ends[0], &byte, 1), 1);
            CHECK_EQ(nd_scope_leave(token), 0);
        }
    }
    // A pipe beside a socket.
    struct nd_pair pair = apin_pair(API_TCP);
    struct pollfd both[] = {{.fd = pipe_ends[0], .events = POLLIN}, {.fd = pair.client, .events = POLLIN}};
    int64_t when = nd_now() + 10 * MS, token = nd_scope_enter(when);
    CHECK_EQ(io_poll(both, 2, -1), 1);
    CHECK_JUST_AFTER(when);
    CHECK_EQ(both[0].revents, 0);
    CHECK_EQ(both[1].revents, POLLIN);
    CHECK_EQ(nd_raw_write(pipe_ends[1], "p", 1), 1);
    CHECK_EQ(io_poll(both, 2, -1), 2);
    CHECK_EQ(nd_scope_leave(token), 0);
    CHECK_EQ(io_poll(both, 2, -1), 1);
    CHECK_EQ(both[0].revents, POLLIN);
    CHECK_EQ(both[1].revents, 0);
    return 0;
}
