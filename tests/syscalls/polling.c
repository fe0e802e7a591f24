// poll, select and epoll say what state a socket is in: of every kind, in every state, asked for each event by each call; and what
// becomes of their times and sets. (poll(2), select(2), epoll_ctl(2), tcp(7), unix(7).)
#include "case.h"
#include "door.h"
#include "place.h"
#include "states.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <unistd.h>

// What is asked for. poll's bits are epoll's (EPOLLIN is POLLIN and so on).
static const unsigned asked[] = {POLLIN, POLLOUT, POLLIN | POLLOUT, POLLPRI, POLLRDHUP, 0, POLLIN | POLLOUT | POLLPRI | POLLRDHUP};
enum { ASKED = sizeof asked / sizeof *asked };

enum asking { A_POLL, A_PPOLL, A_SELECT, A_PSELECT, A_EPOLL_WAIT, A_EPOLL_PWAIT, A_EPOLL_PWAIT2, ASKINGS };
static const char *const asking_name[ASKINGS] = {"poll", "ppoll", "select", "pselect", "epoll_wait", "epoll_pwait", "epoll_pwait2"};

static long ask_epoll(enum asking how, int fd, unsigned events, unsigned *found) {
    struct epoll_event event = {.events = events, .data.u64 = 0x1122334455667788}, got[3];
    struct timespec none = {0, 0};
    memset(got, CANARY, sizeof got);
    int set = call->epoll_create1(0);
    NEED(call->epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
    errno = UNTOUCHED;
    long result = how == A_EPOLL_WAIT    ? call->epoll_wait(set, got, 3, 0)
                  : how == A_EPOLL_PWAIT ? call->epoll_pwait(set, got, 3, 0, NULL)
                                         : call->epoll_pwait2(set, got, 3, &none, NULL);
    int error = errno;
    *found = result == 1 ? got[0].events : 0;
    // What it carries comes back, and nothing behind the events is written.
    if ((result == 1 && got[0].data.u64 != event.data.u64) || (result == 0 && got[0].events != 0xAAAAAAAA) ||
        got[1].events != 0xAAAAAAAA) {
        see("WRONG(events)");
    }
    close(set);
    errno = error;
    return result;
}

static long ask_poll(enum asking how, int fd, unsigned events, unsigned *found) {
    struct timespec none = {0, 0};
    // One that is left out stands before it, and is answered by 0.
    struct pollfd both[2] = {{-1, POLLIN, 0x7777}, {fd, (short)events, 0x7777}};
    errno = UNTOUCHED;
    long result = how == A_POLL ? call->poll(both, 2, 0) : call->ppoll(both, 2, &none, NULL);
    *found = (unsigned short)both[1].revents;
    if (both[0].revents || both[0].fd != -1 || both[1].fd != fd || both[1].events != (short)events) {
        see("WRONG(pollfd)");
    }
    return result;
}

static long ask_select(enum asking how, int fd, unsigned events, unsigned *found) {
    struct timeval micro = {0, 0};
    struct timespec none = {0, 0};
    fd_set sets[3];
    for (int i = 0; i < 3; i++) {
        FD_ZERO(&sets[i]);
    }
    if (events & POLLIN) {
        FD_SET(fd, &sets[0]);
    }
    if (events & POLLOUT) {
        FD_SET(fd, &sets[1]);
    }
    if (events & POLLPRI) {
        FD_SET(fd, &sets[2]);
    }
    errno = UNTOUCHED;
    long result = how == A_SELECT ? call->select(fd + 1, &sets[0], &sets[1], &sets[2], &micro)
                                  : call->pselect(fd + 1, &sets[0], &sets[1], &sets[2], &none, NULL);
    *found = (FD_ISSET(fd, &sets[0]) ? POLLIN : 0u) | (FD_ISSET(fd, &sets[1]) ? POLLOUT : 0u) | (FD_ISSET(fd, &sets[2]) ? POLLPRI : 0u);
    return result;
}

// What that call must find in a socket whose state has these bits.
static unsigned expected(enum asking how, unsigned bits, unsigned events) {
    if (how != A_SELECT && how != A_PSELECT) {
        // poll(2): POLLERR and POLLHUP come unasked.
        return bits & (events | POLLERR | POLLHUP);
    }
    // select(2), "Correspondence between select() and poll() notifications".
    unsigned set = (bits & (POLLIN | POLLHUP | POLLERR) ? POLLIN : 0u) | (bits & (POLLOUT | POLLERR) ? POLLOUT : 0u) | (bits & POLLPRI);
    return set & events;
}

static int ones(unsigned bits) { return __builtin_popcount(bits); }

CASE(every_state_by_every_call) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum state state = 0; state < STATES; state++) {
            if (!has_state(kind, state)) {
                continue;
            }
            int fd = in_state(kind, state);
            for (enum asking how = 0; how < ASKINGS; how++) {
                for (int i = 0; i < ASKED; i++) {
                    unsigned found = 0, events = asked[i];
                    line("%s %s %s %s", asking_name[how], kind_name[kind], state_name[state], events_text(events));
                    long result = how <= A_PPOLL     ? ask_poll(how, fd, events, &found)
                                  : how <= A_PSELECT ? ask_select(how, fd, events, &found)
                                                     : ask_epoll(how, fd, events, &found);
                    did(result);
                    see("events=%s", events_text(found));
                    unsigned must = expected(how, bits_of(kind, state), events);
                    int many = how == A_SELECT || how == A_PSELECT ? ones(must) : must != 0;
                    want("ret=%d errno=kept events=%s", many, events_text(must));
                }
            }
            leave_state();
        }
    }
}

// ---- Times ----

enum { SHORT_MS = 20, LONG_S = 60 };

// Waits of that long (ms): how long it was, in words that are the same in every run, and what became of the time.
static void timed(enum asking how, int fd, long ms, int ready) {
    struct pollfd one = {fd, POLLIN, 0};
    struct timeval micro = {ms / 1000, ms % 1000 * 1000};
    struct timespec nano = {ms / 1000, ms % 1000 * 1000000}, was = nano;
    struct epoll_event event = {.events = EPOLLIN}, got[2];
    int set = call->epoll_create1(0);
    NEED(call->epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
    fd_set in, none;
    FD_ZERO(&in);
    FD_ZERO(&none);
    FD_SET(fd, &in);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    switch (how) {
        case A_POLL: RET(call->poll(&one, 1, (int)ms)); break;
        case A_PPOLL: RET(call->ppoll(&one, 1, &nano, NULL)); break;
        case A_SELECT: RET(call->select(fd + 1, &in, &none, NULL, &micro)); break;
        case A_PSELECT: RET(call->pselect(fd + 1, &in, &none, NULL, &nano, NULL)); break;
        case A_EPOLL_WAIT: RET(call->epoll_wait(set, got, 2, (int)ms)); break;
        case A_EPOLL_PWAIT: RET(call->epoll_pwait(set, got, 2, (int)ms, NULL)); break;
        default: RET(call->epoll_pwait2(set, got, 2, &nano, NULL)); break;
    }
    clock_gettime(CLOCK_MONOTONIC, &after);
    long us = (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
    see("%s", us < (ready ? 0 : ms * 1000) ? "EARLY" : us > 5000000 ? "LATE" : "in time");
    if (how == A_SELECT) {
        long left = micro.tv_sec * 1000000 + micro.tv_usec;
        see("rest=%s", left == 0 ? "0" : left > ms * 1000 || left < ms * 1000 - us - 1000 ? "WRONG" : "rest");
    } else if (how != A_POLL) {
        long left = nano.tv_sec * 1000000 + nano.tv_nsec / 1000;
        int kept = nano.tv_sec == was.tv_sec && nano.tv_nsec == was.tv_nsec;
        see("rest=%s", kept ? "kept" : left == 0 ? "0" : left > ms * 1000 || left < ms * 1000 - us - 1000 ? "WRONG" : "rest");
    }
    see("set=%d", FD_ISSET(fd, &in) != 0);
    close(set);
}

// Which calls write the rest of the time back: select(2) and the kernel's own ppoll and pselect6; libc's take a copy.
static const char *rest(enum asking how, const char *changed) {
    int changes = how == A_SELECT || (call->raw && (how == A_PPOLL || how == A_PSELECT));
    return how == A_POLL ? "" : changes ? changed : " rest=kept";
}

CASE(times) {
    static const enum kind kinds[] = {TCP4, UDP4, UNIX_STREAM};
    for (int i = 0; i < 3; i++) {
        for (enum asking how = 0; how < ASKINGS; how++) {
            int set_after = how != A_SELECT && how != A_PSELECT;
            line("%s %s it passes", asking_name[how], kind_name[kinds[i]]);
            timed(how, two(kinds[i], NONBLOCK).here, SHORT_MS, 0);
            if (is_musl && !call->raw && how == A_SELECT) {
                // musl's keeps the time as it was; select(2) permits both.
                want(OK(0) " in time rest=rest set=%d || " OK(0) " in time rest=0 set=%d", set_after, set_after);
            } else {
                want(OK(0) " in time%s set=%d", rest(how, " rest=0"), set_after);
            }
            line("%s %s none", asking_name[how], kind_name[kinds[i]]);
            timed(how, two(kinds[i], BLOCKING).here, 0, 0);
            want(OK(0) " in time%s set=%d", how == A_SELECT ? " rest=0" : rest(how, " rest=kept"), set_after);
            line("%s %s ready", asking_name[how], kind_name[kinds[i]]);
            struct two pair = two(kinds[i], NONBLOCK);
            NEED(write(pair.there, "a", 1) == 1);
            timed(how, pair.here, LONG_S * 1000, 1);
            want(OK(1) " in time%s set=1", rest(how, " rest=rest"));
            line("%s %s ready and no time", asking_name[how], kind_name[kinds[i]]);
            pair = two(kinds[i], NONBLOCK);
            NEED(write(pair.there, "a", 1) == 1);
            timed(how, pair.here, 0, 1);
            want(OK(1) " in time%s set=1", how == A_SELECT ? " rest=0" : rest(how, " rest=kept"));
        }
    }
}

// ---- Many at a time ----

CASE(poll_of_many) {
    enum { MANY = 40 };
    struct pollfd all[MANY];
    struct two pairs[MANY / 2];
    line("%s", "every third has something, one is closed, one left out");
    for (int i = 0; i < MANY / 2; i++) {
        pairs[i] = two(i % 2 ? TCP4 : UNIX_STREAM, i % 4 < 2 ? BLOCKING : NONBLOCK);
        all[2 * i] = (struct pollfd){pairs[i].here, POLLIN, 0x7777};
        all[2 * i + 1] = (struct pollfd){pairs[i].there, POLLOUT, 0x7777};
        if (i % 3 == 0) {
            NEED(write(pairs[i].there, "a", 1) == 1);
        }
    }
    int closed = pairs[4].here;
    close(closed);
    all[5].fd = ~all[5].fd;
    RET(call->poll(all, MANY, 1000));
    int in = 0, out = 0, invalid = 0, none = 0;
    for (int i = 0; i < MANY; i++) {
        in += all[i].revents == POLLIN;
        out += all[i].revents == POLLOUT || all[i].revents == (POLLOUT | POLLHUP);
        invalid += all[i].revents == POLLNVAL;
        none += all[i].revents == 0;
    }
    see("in=%d out=%d invalid=%d none=%d", in, out, invalid, none);
    // 7 of 20 pairs are told; 19 of the other ends may write; the closed one; 12 quiet ones and the one left out.
    want(OK(27) " in=7 out=19 invalid=1 none=13");
}

CASE(select_of_many) {
    fd_set in, out, ex;
    line("%s", "the same socket in all sets, and another");
    struct two one = two(TCP4, NONBLOCK), other = two(UNIX_STREAM, BLOCKING);
    FD_ZERO(&in);
    FD_SET(one.here, &in);
    FD_SET(other.here, &in);
    out = ex = in;
    NEED(write(one.there, "a", 1) == 1);
    int most = one.here > other.here ? one.here : other.here;
    RET(call->select(most + 1, &in, &out, &ex, NULL));
    see("in=%d,%d out=%d,%d ex=%d,%d", FD_ISSET(one.here, &in) != 0, FD_ISSET(other.here, &in) != 0, FD_ISSET(one.here, &out) != 0,
        FD_ISSET(other.here, &out) != 0, FD_ISSET(one.here, &ex) != 0, FD_ISSET(other.here, &ex) != 0);
    want(OK(3) " in=1,0 out=1,1 ex=0,0");

    line("%s", "bits at and above the count are neither looked at nor changed in its word");
    one = two(TCP4, NONBLOCK);
    memset(&in, 0xff, sizeof in);
    struct timeval none = {0, 0};
    FD_ZERO(&out);
    RET(call->select(0, &in, &out, NULL, &none));
    see("kept=%d", FD_ISSET(one.here, &in) != 0);
    want(OK(0) " kept=1");

    line("%s", "a closed one");
    FD_ZERO(&in);
    FD_SET(59, &in);
    RET(call->select(60, &in, NULL, NULL, NULL));
    see("kept=%d", FD_ISSET(59, &in) != 0);
    want(FAIL(EBADF) " kept=1");

    line("%s", "a negative count");
    RET(call->select(-1, NULL, NULL, NULL, &none));
    want(FAIL(EINVAL));

    line("%s", "a negative time");
    struct timeval negative = {-1, 0};
    RET(call->select(0, NULL, NULL, NULL, &negative));
    want(FAIL(EINVAL));

    line("%s", "no sets, a short time");
    struct timeval brief = {0, 2000};
    RET(call->select(0, NULL, NULL, NULL, &brief));
    want(OK(0));

    line("%s", "more microseconds than a second has");
    struct timeval more = {0, 1000001};
    one = two(TCP4, NONBLOCK);
    NEED(write(one.there, "a", 1) == 1);
    FD_ZERO(&in);
    FD_SET(one.here, &in);
    RET(call->select(one.here + 1, &in, NULL, NULL, &more));
    see("set=%d", FD_ISSET(one.here, &in) != 0);
    want(OK(1) " set=1");
}

CASE(times_that_are_none) {
    static const struct timespec bad[] = {{-1, 0}, {0, -1}, {0, 1000000000}};
    for (int i = 0; i < 3; i++) {
        struct timespec time = bad[i];
        struct two pair = two(TCP4, BLOCKING);
        struct pollfd one = {pair.here, POLLIN, 0x7777};
        fd_set in;
        FD_ZERO(&in);
        FD_SET(pair.here, &in);
        struct epoll_event event = {.events = EPOLLIN}, got[2];
        int set = call->epoll_create1(0);
        NEED(call->epoll_ctl(set, EPOLL_CTL_ADD, pair.here, &event) == 0);
        NEED(write(pair.there, "a", 1) == 1);
        line("%d", i);
        RET(call->ppoll(&one, 1, &time, NULL));
        RET(call->pselect(pair.here + 1, &in, NULL, NULL, &time, NULL));
        RET(call->epoll_pwait2(set, got, 2, &time, NULL));
        see("revents=%x set=%d", (unsigned)one.revents, FD_ISSET(pair.here, &in) != 0);
        close(set);
        want(FAIL(EINVAL) " " FAIL(EINVAL) " " FAIL(EINVAL) " revents=7777 set=1");
    }
}
