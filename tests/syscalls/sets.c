// epoll sets: what may be added, modified and removed; level, edge, one-shot and exclusive; sets in sets; numbers that are closed,
// duplicated and used again while they are in a set. (epoll_ctl(2), epoll_wait(2), epoll(7).)
#include "case.h"
#include "door.h"
#include "place.h"
#include "states.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const enum kind stream_kinds[] = {TCP4, TCP4_ACCEPTED, UDP4, UNIX_STREAM, UNIX_DGRAM, UNIX_SEQPACKET};
#define SOME_KINDS(kind)                                                                          \
    for (int turn_ = 0; turn_ < (int)(sizeof stream_kinds / sizeof *stream_kinds); turn_++)       \
        for (enum kind kind = stream_kinds[turn_], once_ = 0; once_ == 0; once_ = 1)

static int add(int set, int op, int fd, unsigned events, uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return call->epoll_ctl(set, op, fd, &event);
}

// What is told without waiting: how many, and each as DATA:EVENTS.
static void told(int set, int room) {
    struct epoll_event got[8];
    memset(got, CANARY, sizeof got);
    errno = UNTOUCHED;
    int n = call->epoll_wait(set, got, room, 0);
    did(n);
    for (int i = 0; i < n; i++) {
        see("%d:%s", (int)got[i].data.u64, events_text(got[i].events));
    }
    for (int i = n < 0 ? 0 : n; i < 8; i++) {
        if (got[i].events != 0xAAAAAAAA || got[i].data.u64 != 0xAAAAAAAAAAAAAAAA) {
            see("OVERRUN");
        }
    }
}

CASE(what_may_not_be) {
    int set = -1, fd = -1;
    SOME_KINDS(kind) {
#define FRESH(text)                     \
    line(text " %s", kind_name[kind]);  \
    fd = two(kind, NONBLOCK).here;      \
    set = call->epoll_create1(0);
        FRESH("added twice")
        RET(add(set, EPOLL_CTL_ADD, fd, EPOLLIN, 1));
        RET(add(set, EPOLL_CTL_ADD, fd, EPOLLOUT, 2));
        told(set, 8);
        want(OK(0) " " FAIL(EEXIST) " " OK(0));
        FRESH("modified before it is in")
        RET(add(set, EPOLL_CTL_MOD, fd, EPOLLOUT, 2));
        told(set, 8);
        want(FAIL(ENOENT) " " OK(0));
        FRESH("removed before it is in")
        RET(add(set, EPOLL_CTL_DEL, fd, 0, 0));
        want(FAIL(ENOENT));
        FRESH("removed twice")
        RET(add(set, EPOLL_CTL_ADD, fd, EPOLLOUT, 1));
        RET(call->epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
        RET(call->epoll_ctl(set, EPOLL_CTL_DEL, fd, memory(AT_ONE)));
        told(set, 8);
        want(OK(0) " " OK(0) " " FAIL(ENOENT) " " OK(0));
        FRESH("no such operation")
        RET(add(set, 77, fd, EPOLLIN, 1));
        RET(add(set, 0, fd, EPOLLIN, 1));
        want(FAIL(EINVAL) " " FAIL(EINVAL));
        FRESH("a socket is no set")
        RET(add(fd, EPOLL_CTL_ADD, set, EPOLLIN, 1));
        RET(call->epoll_wait(fd, memory(AT_ONE), 1, 0));
        want(FAIL(EINVAL) " " FAIL(EINVAL));
        FRESH("exclusive and one-shot")
        RET(add(set, EPOLL_CTL_ADD, fd, EPOLLOUT | EPOLLEXCLUSIVE | EPOLLONESHOT, 1));
        told(set, 8);
        want(FAIL(EINVAL) " " OK(0));
        FRESH("exclusive by MOD")
        RET(add(set, EPOLL_CTL_ADD, fd, EPOLLIN, 1));
        RET(add(set, EPOLL_CTL_MOD, fd, EPOLLOUT | EPOLLEXCLUSIVE, 1));
        told(set, 8);
        want(OK(0) " " FAIL(EINVAL) " " OK(0));
        FRESH("exclusive cannot be modified")
        RET(add(set, EPOLL_CTL_ADD, fd, EPOLLOUT | EPOLLEXCLUSIVE, 1));
        RET(add(set, EPOLL_CTL_MOD, fd, EPOLLIN, 2));
        told(set, 8);
        RET(add(set, EPOLL_CTL_DEL, fd, 0, 0));
        want(OK(0) " " FAIL(EINVAL) " " OK(1) " 1:OUT " OK(0));
        FRESH("no room, negative room, too much room")
        struct epoll_event one;
        RET(add(set, EPOLL_CTL_ADD, fd, EPOLLOUT, 1));
        RET(call->epoll_wait(set, &one, 0, 0));
        RET(call->epoll_wait(set, &one, -1, 0));
        RET(call->epoll_wait(set, &one, 2147483647, 0));
        want(OK(0) " " FAIL(EINVAL) " " FAIL(EINVAL) " " FAIL(EINVAL));
        FRESH("a number that is closed")
        RET(add(set, EPOLL_CTL_ADD, 59, EPOLLIN, 1));
        RET(add(59, EPOLL_CTL_ADD, fd, EPOLLIN, 1));
        want(FAIL(EBADF) " " FAIL(EBADF));
    }
    line("%s", "itself");
    set = call->epoll_create1(0);
    RET(add(set, EPOLL_CTL_ADD, set, EPOLLIN, 1));
    want(FAIL(EINVAL));
    line("%s", "a file");
    set = call->epoll_create1(0);
    RET(add(set, EPOLL_CTL_ADD, file(PLAIN), EPOLLIN, 1));
    want(FAIL(EPERM));
    line("%s", "each other");
    set = call->epoll_create1(0);
    fd = call->epoll_create1(0);
    RET(add(set, EPOLL_CTL_ADD, fd, EPOLLIN, 1));
    RET(add(fd, EPOLL_CTL_ADD, set, EPOLLIN, 1));
    want(OK(0) " " FAIL(ELOOP));
    line("%s", "six deep");
    set = call->epoll_create1(0);
    int results = 0;
    for (int i = 0; i < 6; i++) {
        int outer = call->epoll_create1(0);
        results = add(outer, EPOLL_CTL_ADD, set, EPOLLIN, 1);
        see("%d", results ? errno : 0);
        set = outer;
    }
    // EINVAL by the page, ELOOP by the kernel: nesting of more than 5.
    want("0 0 0 0 %d %d", ELOOP, 0);
    line("%s", "flags of epoll_create1");
    RET(call->epoll_create1(1));
    RET(call->epoll_create1(-1));
    RET(call->epoll_create(0));
    RET(call->epoll_create(-1));
    // musl's epoll_create has no use for its argument.
    want(FAIL(EINVAL) " " FAIL(EINVAL) " %s", is_musl && !call->raw ? OK(3) " " OK(4) : FAIL(EINVAL) " " FAIL(EINVAL));
    line("%s", "close on exec");
    set = call->epoll_create1(EPOLL_CLOEXEC);
    fd = call->epoll_create(1);
    see("%d %d", fcntl(set, F_GETFD), fcntl(fd, F_GETFD));
    want("1 0");
}

static void letter(int fd) { NEED(write(fd, "a", 1) == 1); }

static void eat(int fd) {
    char byte;
    NEED(call->read(fd, &byte, 1) == 1);
}

CASE(level_edge_and_once) {
    SOME_KINDS(kind) {
        struct two pair = two(kind, NONBLOCK);
        int set = call->epoll_create1(0);
        line("level %s", kind_name[kind]);
        NEED(add(set, EPOLL_CTL_ADD, pair.here, EPOLLIN, 7) == 0);
        told(set, 8);
        letter(pair.there);
        told(set, 8);
        told(set, 1);
        eat(pair.here);
        told(set, 8);
        want(OK(0) " " OK(1) " 7:IN " OK(1) " 7:IN " OK(0));

        pair = two(kind, NONBLOCK);
        set = call->epoll_create1(0);
        line("edge %s", kind_name[kind]);
        letter(pair.there);
        NEED(add(set, EPOLL_CTL_ADD, pair.here, EPOLLIN | EPOLLET, 7) == 0);
        told(set, 8);
        told(set, 8);
        letter(pair.there);
        told(set, 8);
        told(set, 8);
        eat(pair.here);
        told(set, 8);
        // A MOD asks anew.
        NEED(add(set, EPOLL_CTL_MOD, pair.here, EPOLLIN | EPOLLET, 8) == 0);
        told(set, 8);
        told(set, 8);
        want(OK(1) " 7:IN " OK(0) " " OK(1) " 7:IN " OK(0) " " OK(0) " " OK(1) " 8:IN " OK(0));

        pair = two(kind, NONBLOCK);
        set = call->epoll_create1(0);
        line("edge for both directions %s", kind_name[kind]);
        NEED(add(set, EPOLL_CTL_ADD, pair.here, EPOLLIN | EPOLLOUT | EPOLLET, 7) == 0);
        told(set, 8);
        told(set, 8);
        letter(pair.there);
        told(set, 8);
        told(set, 8);
        want(OK(1) " 7:OUT " OK(0) " " OK(1) " 7:IN|OUT " OK(0));

        pair = two(kind, NONBLOCK);
        set = call->epoll_create1(0);
        line("once %s", kind_name[kind]);
        NEED(add(set, EPOLL_CTL_ADD, pair.here, EPOLLIN | EPOLLONESHOT, 7) == 0);
        letter(pair.there);
        told(set, 8);
        told(set, 8);
        letter(pair.there);
        told(set, 8);
        eat(pair.here);
        NEED(add(set, EPOLL_CTL_MOD, pair.here, EPOLLIN | EPOLLONESHOT, 8) == 0);
        told(set, 8);
        told(set, 8);
        want(OK(1) " 7:IN " OK(0) " " OK(0) " " OK(1) " 8:IN " OK(0));

        pair = two(kind, NONBLOCK);
        set = call->epoll_create1(0);
        line("once, and an error before MOD %s", kind_name[kind]);
        NEED(add(set, EPOLL_CTL_ADD, pair.here, EPOLLOUT | EPOLLONESHOT, 7) == 0);
        told(set, 8);
        shutdown(pair.here, SHUT_RDWR);
        told(set, 8);
        NEED(add(set, EPOLL_CTL_MOD, pair.here, EPOLLIN, 8) == 0);
        told(set, 8);
        want(OK(1) " 7:OUT " OK(0) " " OK(1) " 8:IN|HUP");

        pair = two(kind, NONBLOCK);
        set = call->epoll_create1(0);
        line("exclusive %s", kind_name[kind]);
        NEED(add(set, EPOLL_CTL_ADD, pair.here, EPOLLIN | EPOLLEXCLUSIVE, 7) == 0);
        letter(pair.there);
        told(set, 8);
        told(set, 8);
        eat(pair.here);
        told(set, 8);
        want(OK(1) " 7:IN " OK(1) " 7:IN " OK(0));

        pair = two(kind, NONBLOCK);
        set = call->epoll_create1(0);
        line("other events by MOD %s", kind_name[kind]);
        letter(pair.there);
        NEED(add(set, EPOLL_CTL_ADD, pair.here, 0, 7) == 0);
        told(set, 8);
        NEED(add(set, EPOLL_CTL_MOD, pair.here, EPOLLOUT, 8) == 0);
        told(set, 8);
        NEED(add(set, EPOLL_CTL_MOD, pair.here, EPOLLIN, 9) == 0);
        told(set, 8);
        NEED(add(set, EPOLL_CTL_MOD, pair.here, 0, 10) == 0);
        told(set, 8);
        want(OK(0) " " OK(1) " 8:OUT " OK(1) " 9:IN " OK(0));
    }
}

// One event at a time goes round: nobody is left out.
CASE(room_for_one) {
    SOME_KINDS(kind) {
        struct two pairs[4];
        int set = call->epoll_create1(0), seen[4] = {0};
        line("%s", kind_name[kind]);
        for (int i = 0; i < 4; i++) {
            pairs[i] = two(kind, NONBLOCK);
            NEED(add(set, EPOLL_CTL_ADD, pairs[i].here, EPOLLIN, (uint64_t)i) == 0);
            letter(pairs[i].there);
        }
        for (int i = 0; i < 12; i++) {
            struct epoll_event got;
            NEED(call->epoll_wait(set, &got, 1, 1000) == 1 && got.data.u64 < 4);
            seen[got.data.u64 & 3]++;
        }
        see("%d %d %d %d", seen[0], seen[1], seen[2], seen[3]);
        want("3 3 3 3");
    }
}

CASE(sets_in_sets) {
    SOME_KINDS(kind) {
        struct two pair = two(kind, NONBLOCK);
        int inner = call->epoll_create1(0), outer = call->epoll_create1(0);
        line("level %s", kind_name[kind]);
        NEED(add(inner, EPOLL_CTL_ADD, pair.here, EPOLLIN, 7) == 0 && add(outer, EPOLL_CTL_ADD, inner, EPOLLIN, 8) == 0);
        told(outer, 8);
        letter(pair.there);
        told(outer, 8);
        told(inner, 8);
        told(outer, 8);
        eat(pair.here);
        told(inner, 8);
        told(outer, 8);
        want(OK(0) " " OK(1) " 8:IN " OK(1) " 7:IN " OK(1) " 8:IN " OK(0) " " OK(0));

        pair = two(kind, NONBLOCK);
        inner = call->epoll_create1(0);
        outer = call->epoll_create1(0);
        line("edge %s", kind_name[kind]);
        NEED(add(inner, EPOLL_CTL_ADD, pair.here, EPOLLIN, 7) == 0 && add(outer, EPOLL_CTL_ADD, inner, EPOLLIN | EPOLLET, 8) == 0);
        letter(pair.there);
        told(outer, 8);
        told(outer, 8);
        letter(pair.there);
        told(outer, 8);
        want(OK(1) " 8:IN " OK(0) " " OK(1) " 8:IN");

        pair = two(kind, NONBLOCK);
        inner = call->epoll_create1(0);
        line("in poll and select %s", kind_name[kind]);
        NEED(add(inner, EPOLL_CTL_ADD, pair.here, EPOLLIN, 7) == 0);
        struct pollfd one = {inner, POLLIN | POLLOUT, 0};
        RET(call->poll(&one, 1, 0));
        letter(pair.there);
        RET(call->poll(&one, 1, 10000));
        fd_set in;
        FD_ZERO(&in);
        FD_SET(inner, &in);
        RET(call->select(inner + 1, &in, NULL, NULL, NULL));
        see("%s %d", events_text((unsigned)one.revents), FD_ISSET(inner, &in) != 0);
        want(OK(0) " " OK(1) " " OK(1) " IN 1");
    }
}

// epoll(7), questions 1, 2 and 6: what is in a set is number and description; the last number that is closed takes it out.
CASE(numbers_of_a_description) {
    SOME_KINDS(kind) {
        struct two pair = two(kind, NONBLOCK);
        int set = call->epoll_create1(0), twin = call->dup(pair.here);
        line("both numbers %s", kind_name[kind]);
        NEED(add(set, EPOLL_CTL_ADD, pair.here, EPOLLIN, 1) == 0);
        RET(add(set, EPOLL_CTL_ADD, twin, EPOLLIN, 2));
        letter(pair.there);
        told(set, 8);
        // The younger one first: it stands at the head of the socket's queue.
        want(OK(0) " " OK(2) " 2:IN 1:IN");

        pair = two(kind, NONBLOCK);
        set = call->epoll_create1(0);
        twin = call->dup(pair.here);
        line("one number is closed %s", kind_name[kind]);
        NEED(add(set, EPOLL_CTL_ADD, pair.here, EPOLLIN, 1) == 0);
        letter(pair.there);
        call->close(pair.here);
        told(set, 8);
        RET(add(set, EPOLL_CTL_DEL, pair.here, 0, 0));
        RET(add(set, EPOLL_CTL_DEL, twin, 0, 0));
        call->close(twin);
        told(set, 8);
        want(OK(1) " 1:IN " FAIL(EBADF) " " FAIL(ENOENT) " " OK(0));

        pair = two(kind, NONBLOCK);
        set = call->epoll_create1(0);
        line("closed and used again %s", kind_name[kind]);
        NEED(add(set, EPOLL_CTL_ADD, pair.here, EPOLLIN, 1) == 0);
        letter(pair.there);
        struct two next = two(kind, NONBLOCK);
        call->close(pair.here);
        int again = call->fcntl(next.here, F_DUPFD, (uintptr_t)pair.here);
        see("%d", again == pair.here);
        told(set, 8);
        RET(add(set, EPOLL_CTL_MOD, again, EPOLLOUT, 2));
        RET(add(set, EPOLL_CTL_ADD, again, EPOLLOUT, 3));
        told(set, 8);
        want("1 " OK(0) " " FAIL(ENOENT) " " OK(0) " " OK(1) " 3:OUT");

        pair = two(kind, NONBLOCK);
        set = call->epoll_create1(0);
        line("another description by dup2 %s", kind_name[kind]);
        struct two other = two(kind, NONBLOCK);
        NEED(add(set, EPOLL_CTL_ADD, pair.here, EPOLLIN, 1) == 0);
        letter(pair.there);
        letter(other.there);
        RET(call->dup2(other.here, pair.here) == pair.here);
        told(set, 8);
        RET(add(set, EPOLL_CTL_ADD, pair.here, EPOLLIN, 2));
        told(set, 8);
        want(OK(1) " " OK(0) " " OK(0) " " OK(1) " 2:IN");

        pair = two(kind, NONBLOCK);
        set = call->epoll_create1(0);
        line("a twin of the set %s", kind_name[kind]);
        int second = call->dup(set);
        NEED(add(set, EPOLL_CTL_ADD, pair.here, EPOLLIN, 1) == 0);
        letter(pair.there);
        told(second, 8);
        RET(add(second, EPOLL_CTL_MOD, pair.here, EPOLLOUT, 2));
        told(set, 8);
        call->close(set);
        told(second, 8);
        told(set, 8);
        want(OK(1) " 1:IN " OK(0) " " OK(1) " 2:OUT " OK(1) " 2:OUT " FAIL(EBADF));

        pair = two(kind, NONBLOCK);
        set = call->epoll_create1(0);
        second = call->epoll_create1(0);
        line("in two sets %s", kind_name[kind]);
        NEED(add(set, EPOLL_CTL_ADD, pair.here, EPOLLIN | EPOLLET, 1) == 0 && add(second, EPOLL_CTL_ADD, pair.here, EPOLLIN | EPOLLONESHOT, 2) == 0);
        letter(pair.there);
        told(set, 8);
        told(second, 8);
        told(set, 8);
        told(second, 8);
        want(OK(1) " 1:IN " OK(1) " 2:IN " OK(0) " " OK(0));
    }
}

// Sockets beside what is none: order and data are the kernel's.
CASE(mixed_sets) {
    SOME_KINDS(kind) {
        struct two pair = two(kind, NONBLOCK);
        int set = call->epoll_create1(0), counter = eventfd(0, EFD_NONBLOCK), ends[2];
        uint64_t one = 1;
        line("%s", kind_name[kind]);
        NEED(pipe(ends) == 0);
        NEED(add(set, EPOLL_CTL_ADD, counter, EPOLLIN | EPOLLET, 1) == 0 && add(set, EPOLL_CTL_ADD, pair.here, EPOLLIN, 2) == 0 &&
             add(set, EPOLL_CTL_ADD, ends[0], EPOLLIN, 3) == 0);
        told(set, 8);
        NEED(write(ends[1], "a", 1) == 1);
        letter(pair.there);
        NEED(write(counter, &one, sizeof one) == 8);
        told(set, 8);
        told(set, 8);
        close(ends[1]);
        call->close(pair.here);
        told(set, 2);
        want(OK(0) " " OK(3) " 3:IN 2:IN 1:IN " OK(2) " 3:IN 2:IN " OK(1) " 3:IN|HUP");
    }
}

// A shut down or reset end in a set that asks for nothing, for RDHUP, or for the edge.
CASE(ends) {
    SOME_KINDS(kind) {
        if (is_datagram(kind)) {
            continue;
        }
        for (int which = 0; which < 4; which++) {
            static const unsigned events[] = {0, EPOLLRDHUP, EPOLLIN | EPOLLRDHUP | EPOLLET, EPOLLOUT | EPOLLRDHUP | EPOLLONESHOT};
            struct two pair = two(kind, NONBLOCK);
            int set = call->epoll_create1(0);
            line("%s %s%s", kind_name[kind], events_text(events[which] & 0xffff), which == 2 ? " edge" : which == 3 ? " once" : "");
            NEED(add(set, EPOLL_CTL_ADD, pair.here, events[which], 1) == 0);
            told(set, 8);
            shutdown(pair.there, SHUT_WR);
            told(set, 8);
            told(set, 8);
            want("%s", which == 0   ? OK(0) " " OK(0) " " OK(0)
                       : which == 1 ? OK(0) " " OK(1) " 1:RDHUP " OK(1) " 1:RDHUP"
                       : which == 2 ? OK(0) " " OK(1) " 1:IN|RDHUP " OK(0)
                                    : OK(1) " 1:OUT " OK(0) " " OK(0));
        }
    }
}
