// poll, select and epoll on what is no socket, alone and beside sockets. (poll(2), select(2), epoll(7), epoll_ctl(2).) What their reads
// and writes answer: pipes.c and bystanders.c.
#include "case.h"
#include "door.h"
#include "io.h"
#include "place.h"
#include "states.h"
#include "things.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum way { POLL, PPOLL, SELECT, PSELECT, EPOLL_WAIT, EPOLL_PWAIT, EPOLL_PWAIT2, WAYS };
static const char *const way_name[WAYS] = {"poll", "ppoll", "select", "pselect", "epoll_wait", "epoll_pwait", "epoll_pwait2"};

// Ask for IN or OUT, for so long (-1: ever); in the epoll set both stay.
static unsigned ask(enum way way, int fd, unsigned events, int ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000L}, *times = ms < 0 ? NULL : &time;
    struct timeval micro = {ms / 1000, ms % 1000 * 1000}, *micros = ms < 0 ? NULL : &micro;
    struct pollfd one = {fd, (short)events, 0};
    struct epoll_event event = {.events = events}, got[2] = {{0}};
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    if (events & POLLIN) {
        FD_SET(fd, &in);
    }
    if (events & POLLOUT) {
        FD_SET(fd, &out);
    }
    int set = way >= EPOLL_WAIT ? call->epoll_create1(EPOLL_CLOEXEC) : -1;
    if (set >= 0 && call->epoll_ctl(set, EPOLL_CTL_ADD, fd, &event)) {
        see("add=%s", error_name(errno));
        close(set);
        return 0;
    }
    int n;
    errno = UNTOUCHED;
    switch (way) {
        case POLL: n = call->poll(&one, 1, ms); break;
        case PPOLL: n = call->ppoll(&one, 1, times, NULL); break;
        case SELECT: n = call->select(fd + 1, &in, &out, NULL, micros); break;
        case PSELECT: n = call->pselect(fd + 1, &in, &out, NULL, times, NULL); break;
        case EPOLL_WAIT: n = call->epoll_wait(set, got, 2, ms); break;
        case EPOLL_PWAIT: n = call->epoll_pwait(set, got, 2, ms, NULL); break;
        default: n = call->epoll_pwait2(set, got, 2, times, NULL); break;
    }
    did(n);
    close(set);
    if (way <= PPOLL) {
        return (unsigned)one.revents;
    }
    if (way >= EPOLL_WAIT) {
        return got[0].events;
    }
    return n <= 0 ? 0 : (FD_ISSET(fd, &in) ? POLLIN : 0u) | (FD_ISSET(fd, &out) ? POLLOUT : 0u);
}

static struct pair_of now;
static void come(void *unused) {
    (void)unused;
    let_come(&now);
}

CASE(before_and_after_something_comes) {
    for (enum thing what = 0; what < THINGS; what++) {
        for (enum way way = 0; way < WAYS; way++) {
            unsigned events = what == PIPE_FULL ? POLLOUT : POLLIN;
            line("%s %s", way_name[way], thing_name[what]);
            now = thing(what, 1);
            see("%s", events_text(ask(way, now.here, events, 0)));
            see("%s", events_text(ask(way, now.here, events, 3)));
            when_asleep(come, NULL);
            see("%s", events_text(ask(way, now.here, events, -1)));
            helped();
            want(OK(0) " - " OK(0) " - " OK(1) " %s", events_text(events));
        }
    }
}

// epoll_ctl(2), EPERM: a file or a directory is always ready, and in no set. poll(2) says so.
CASE(always_ready) {
    static const enum file always[] = {PLAIN, DIRECTORY, NULL_DEVICE};
    for (int i = 0; i < 3; i++) {
        for (enum way way = 0; way < WAYS; way++) {
            line("%s %s", way_name[way], file_name[always[i]]);
            int fd = file(always[i]);
            see("%s", events_text(ask(way, fd, POLLIN | POLLOUT, -1)));
            int both = way == SELECT || way == PSELECT;
            if (way >= EPOLL_WAIT) {
                want("add=EPERM -");
            } else {
                want("%s IN|OUT", both ? OK(2) : OK(1));
            }
        }
    }
}

// The other end is gone: POLLHUP for who reads, POLLERR for who writes.
CASE(the_other_end_is_gone) {
    static const enum thing ended[] = {PIPE_EMPTY, PIPE_FULL, FIFO, TERMINAL};
    for (int i = 0; i < 4; i++) {
        for (enum way way = 0; way < WAYS; way++) {
            line("%s %s", way_name[way], thing_name[ended[i]]);
            struct pair_of pair = thing(ended[i], 1);
            close(pair.there);
            unsigned events = ended[i] == PIPE_FULL ? POLLOUT : POLLIN;
            unsigned got = ask(way, pair.here, events, 1000);
            see("%x", got);
            if (way == SELECT || way == PSELECT) {
                want(OK(1) " %x", events);
            } else if (ended[i] == PIPE_FULL) {
                want(OK(1) " %x", POLLERR);
            } else if (ended[i] == TERMINAL) {
                want(OK(1) " %x", POLLIN | POLLERR | POLLHUP);
            } else {
                want(OK(1) " %x", POLLHUP);
            }
        }
    }
}

// Beside a socket that waits (and may have a deadline) each is told of, and only of, itself.
CASE(beside_a_socket) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum thing what = 0; what < THINGS; what++) {
            struct two pair = two(kind, NONBLOCK);
            int out = what == PIPE_FULL;
            line("%s %s", kind_name[kind], thing_name[what]);
            now = thing(what, 1);
            struct pollfd many[2] = {{pair.here, POLLIN, 0}, {now.here, out ? POLLOUT : POLLIN, 0}};
            struct epoll_event first = {.events = EPOLLIN, .data.u32 = 1}, second = {.events = out ? EPOLLOUT : EPOLLIN, .data.u32 = 2};
            struct epoll_event got[4];
            int set = call->epoll_create1(0);
            NEED(call->epoll_ctl(set, EPOLL_CTL_ADD, pair.here, &first) == 0);
            NEED(call->epoll_ctl(set, EPOLL_CTL_ADD, now.here, &second) == 0);
            RET(call->poll(many, 2, 0));
            RET(call->epoll_wait(set, got, 4, 0));
            when_asleep(come, NULL);
            RET(call->epoll_wait(set, got, 4, 10000));
            helped();
            see("data=%u", got[0].data.u32);
            RET(call->poll(many, 2, -1));
            see("%x,%x", (unsigned)many[0].revents, (unsigned)many[1].revents);
            put(pair.there, "x");
            many[0].revents = 0;
            for (int i = 0; i < 1000 && !(call->poll(many, 1, 1) == 1); i++) {
            }
            RET(call->epoll_wait(set, got, 4, 10000));
            RET(call->poll(many, 2, -1));
            see("%x,%x", (unsigned)many[0].revents, (unsigned)many[1].revents);
            want(OK(0) " " OK(0) " " OK(1) " data=2 " OK(1) " 0,%x " OK(2) " " OK(2) " 1,%x", out ? 4 : 1, out ? 4 : 1);
        }
    }
}
