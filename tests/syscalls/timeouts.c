// SO_RCVTIMEO and SO_SNDTIMEO: set and got by their old and new names, in every length; kept apart; and truly passed, in every call
// that obeys them. (socket(7), setsockopt(2); sock_set_timeout in net/core/sock.c at 6.18.)
#include "case.h"
#include "door.h"
#include "io.h"
#include "waiting.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { RCV_OLD = 20, SND_OLD = 21, RCV_NEW = 66, SND_NEW = 67 };
static const int names[] = {RCV_OLD, SND_OLD, RCV_NEW, SND_NEW};
static const char *const option_name[] = {"SO_RCVTIMEO", "SO_SNDTIMEO", "SO_RCVTIMEO_NEW", "SO_SNDTIMEO_NEW"};

static void got(int fd, int name) {
    long long time[3];
    socklen_t size = sizeof time;
    memset(time, CANARY, sizeof time);
    errno = UNTOUCHED;
    int result = call->getsockopt(fd, SOL_SOCKET, name, time, &size);
    if (result) {
        did(result);
    } else {
        see("%lld.%06lld/%d%s", time[0], time[1], (int)size, errno == UNTOUCHED && time[2] == (long long)0xAAAAAAAAAAAAAAAA ? "" : " TOUCHED");
    }
}

static void set_to(int fd, int name, long long seconds, long long micro, socklen_t size) {
    long long time[3] = {seconds, micro, 0};
    RET(call->setsockopt(fd, SOL_SOCKET, name, time, size));
}

CASE(set_and_got) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (int i = 0; i < 4; i++) {
            int fd = two(kind, kind % 2 ? NONBLOCK : BLOCKING).here;
            line("%s %s", option_name[i], kind_name[kind]);
            got(fd, names[i]);
            set_to(fd, names[i], 77, 500000, 16);
            for (int j = 0; j < 4; j++) {
                got(fd, names[j]);
            }
            // By its other name off again.
            set_to(fd, names[i ^ 2], 0, 0, 16);
            got(fd, names[i]);
            const char *is = "77.500000/16", *no = "0.000000/16", *receive = i % 2 ? no : is, *send = i % 2 ? is : no;
            want("%s " OK(0) " %s %s %s %s " OK(0) " %s", no, receive, send, receive, send, no);
        }
    }
}

// socket(7): EDOM for too many microseconds; a negative time is none at all.
CASE(odd_times) {
    static const struct {
        const char *name, *wanted;
        long long seconds, micro;
    } times[] = {
        {"a million", "ret=-1 errno=EDOM 5.000000/16", 1, 1000000},  {"negative micro", "ret=-1 errno=EDOM 5.000000/16", 1, -1},
        {"negative", "ret=0 errno=kept 0.000000/16", -1, 0},         {"least", "ret=0 errno=kept 0.004000/16", 0, 1},
        {"huge", "ret=0 errno=kept 0.000000/16", 0x7fffffffffffffff, 0},  {"zero", "ret=0 errno=kept 0.000000/16", 0, 0},
        {"negative and a million", "ret=-1 errno=EDOM 5.000000/16", -1, 1000000},
        {"a century", "ret=0 errno=kept 3155760000.000000/16", 3155760000, 0},
    };
    for (enum kind kind = 0; kind < KINDS; kind += 3) {
        for (int i = 0; i < 4; i++) {
            for (size_t t = 0; t < sizeof times / sizeof *times; t++) {
                int fd = two(kind, NONBLOCK).here;
                line("%s %s %s", option_name[i], kind_name[kind], times[t].name);
                NEED(setsockopt(fd, SOL_SOCKET, names[i], (long long[]){5, 0}, 16) == 0);
                set_to(fd, names[i], times[t].seconds, times[t].micro, 16);
                // A jiffy's length is the kernel's own matter.
                if (strcmp(times[t].name, "least") == 0) {
                    struct timeval time = {0, 0};
                    socklen_t size = sizeof time;
                    call->getsockopt(fd, SOL_SOCKET, names[i], &time, &size);
                    see("%d", time.tv_sec == 0 && time.tv_usec >= 1 && time.tv_usec <= 10000);
                    want(OK(0) " 1");
                    continue;
                }
                got(fd, names[i]);
                want("%s", times[t].wanted);
            }
        }
    }
}

CASE(lengths_of_times) {
    static const socklen_t sizes[] = {0, 1, 8, 15, 16, 17, 24, 0x7fffffff, 0xffffffff};
    for (enum kind kind = 0; kind < KINDS; kind += 4) {
        for (int i = 0; i < 4; i++) {
            for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
                int fd = two(kind, NONBLOCK).here;
                line("%s %s %d", option_name[i], kind_name[kind], (int)sizes[s]);
                set_to(fd, names[i], 5, 0, sizes[s]);
                got(fd, names[i]);
                long long time[4];
                memset(time, CANARY, sizeof time);
                socklen_t size = sizes[s];
                RET(call->getsockopt(fd, SOL_SOCKET, names[i], time, &size));
                size_t touched = 0;
                for (size_t at = 0; at < sizeof time; at++) {
                    touched += ((unsigned char *)time)[at] != CANARY;
                }
                see("%d touched=%zu", (int)size, touched);
                int length = (int)sizes[s], enough = length >= 16, written = length > 16 ? 16 : length;
                if (length < 0) {
                    want("ret=-1 errno=EINVAL 0.000000/16 " FAIL(EINVAL) " -1 touched=0");
                } else {
                    want("ret=%d errno=%s %s.000000/16 " OK(0) " %d touched=%d", enough ? 0 : -1, enough ? "kept" : "EINVAL", enough ? "5" : "0",
                         written, written);
                }
            }
        }
    }
    for (int i = 0; i < 4; i++) {
        for (enum memory where = 0; where < MEMORIES; where++) {
            int fd = two(TCP4, NONBLOCK).here;
            socklen_t size = 16;
            line("%s at %s", option_name[i], memory_name[where]);
            RET(call->setsockopt(fd, SOL_SOCKET, names[i], memory(where), 16));
            got(fd, names[i]);
            RET(call->getsockopt(fd, SOL_SOCKET, names[i], memory(where), &size));
            see("%d", (int)size);
            RET(call->getsockopt(fd, SOL_SOCKET, names[i], &size, memory(where)));
            // What may be read is full of the canary's bytes: a time in the past, with too few microseconds.
            want("ret=-1 errno=%s 0.000000/16 " FAIL(EFAULT) " 16 ret=-1 errno=%s", where == READ_ONLY ? "EDOM" : "EFAULT",
                 where == READ_ONLY ? "EINVAL" : "EFAULT");
        }
    }
}

// ---- They pass ----

enum { MS = 40 };

static int receives(enum wait wait) { return wait <= W_RECVMMSG || wait == W_ACCEPT || wait == W_ACCEPT4; }

// How long it was, in words that are the same in every run.
static void passed(long before) {
    long took = now_ms() - before;
    // The kernel counts in ticks of up to 10 ms, of which the first is not whole.
    see("%s", took < MS - 11 ? "EARLY" : took > 8000 ? "LATE" : "in time");
}

// A blocking call answers EAGAIN, at connect EAGAIN (unix) too; other direction and polls know nothing of it.
CASE(a_blocking_call_ends) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum wait wait = 0; wait < W_POLL; wait++) {
            if (!has_wait(wait, kind)) {
                continue;
            }
            struct timeval time = {0, MS * 1000}, other = {60, 0};
            line("%s %s", wait_name[wait], kind_name[kind]);
            struct waiting w = prepare(wait, kind);
            int mine = receives(wait) ? SO_RCVTIMEO : SO_SNDTIMEO;
            NEED(setsockopt(w.fd, SOL_SOCKET, mine, &time, sizeof time) == 0);
            NEED(setsockopt(w.fd, SOL_SOCKET, mine == SO_RCVTIMEO ? SO_SNDTIMEO : SO_RCVTIMEO, &other, sizeof other) == 0);
            long before = now_ms();
            errno = UNTOUCHED;
            long result = begin(&w);
            int error = errno;
            passed(before);
            errno = error;
            did(result);
            // It is as it was, and the next one succeeds.
            got(w.fd, mine);
            finish(&w);
            RET(begin(&w));
            want("in time " FAIL(EAGAIN) " 0.040000/16 ret=%ld errno=kept", success_of(&w));
        }
    }
}

// What was there by then is returned, and the time begins anew in each call.
CASE(a_part_and_then_the_time) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        if (!is_stream(kind)) {
            continue;
        }
        struct timeval time = {0, MS * 1000};
        struct two pair = two(kind, BLOCKING);
        struct buffer buffer = fresh();
        line("recv MSG_WAITALL %s", kind_name[kind]);
        NEED(setsockopt(pair.here, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
        put(pair.there, "abc");
        long before = now_ms();
        RET(call->recv(pair.here, buffer.bytes, 8, MSG_WAITALL));
        passed(before);
        see("buf=%s", text_of(&buffer));
        want(OK(3) " in time buf=abc");

        line("send of much %s", kind_name[kind]);
        pair = two(kind, BLOCKING);
        NEED(setsockopt(pair.here, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0);
        static char much[8 << 20];
        before = now_ms();
        errno = UNTOUCHED;
        ssize_t first = call->send(pair.here, much, sizeof much, 0);
        passed(before);
        see("%s errno=%s", first > 0 && first < (ssize_t)sizeof much ? "part" : first == -1 ? "FAILED" : "ALL", error_name(errno));
        want("in time part errno=kept");
    }
}

// Longer than what is left over: a read within it succeeds.
static void later(void *to) { put(*(int *)to, "late"); }

CASE(something_comes_in_time) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct timeval time = {30, 0};
        struct two pair = two(kind, BLOCKING);
        line("%s", kind_name[kind]);
        NEED(setsockopt(pair.here, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
        when_asleep(later, &pair.there);
        do_read(READ, pair.here, 8, 0);
        helped();
        want(OK(4) " buf=late");
    }
}

// A poll on a blocking socket is not bounded by them.
CASE(polls_know_nothing_of_it) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum wait wait = W_POLL; wait < WAITS; wait++) {
            struct timeval time = {0, 5000};
            line("%s %s", wait_name[wait], kind_name[kind]);
            struct waiting w = prepare(wait, kind);
            NEED(setsockopt(w.fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
            struct pollfd one = {w.fd, POLLIN, 0};
            struct timeval brief = {0, MS * 1000};
            struct epoll_event event;
            fd_set in;
            FD_ZERO(&in);
            FD_SET(w.fd, &in);
            long before = now_ms();
            RET(wait <= W_PPOLL     ? call->poll(&one, 1, MS)
                : wait <= W_PSELECT ? call->select(w.fd + 1, &in, NULL, NULL, &brief)
                                    : call->epoll_wait(w.set, &event, 1, MS));
            passed(before);
            want(OK(0) " in time");
        }
    }
}

// A duplicate shares the option; a child's is the same.
CASE(shared_by_duplicates) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct timeval time = {0, MS * 1000};
        struct two pair = two(kind, BLOCKING);
        line("%s", kind_name[kind]);
        int twin = call->dup(pair.here);
        NEED(call->setsockopt(twin, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
        long before = now_ms();
        do_read(READ, pair.here, 4, 0);
        passed(before);
        call->close(pair.here);
        got(twin, SO_RCVTIMEO);
        before = now_ms();
        do_read(RECV, twin, 4, 0);
        passed(before);
        want(FAIL(EAGAIN) " buf=kept in time 0.040000/16 " FAIL(EAGAIN) " buf=kept in time");
    }
}

// accept(2), socket(7): what an accepted socket has of its listener.
CASE(inherited_by_accept) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        if (is_datagram(kind) || kind == TCP4_ACCEPTED) {
            continue;
        }
        struct place place;
        line("%s", kind_name[kind]);
        int listener = listening(kind, BLOCKING, 3, &place);
        NEED(setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){9, 0}, 16) == 0);
        NEED(setsockopt(listener, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){8, 0}, 16) == 0);
        dialled(kind, &place);
        int one = call->accept(listener, NULL, NULL);
        got(one, SO_RCVTIMEO);
        got(one, SO_SNDTIMEO);
        got(listener, SO_RCVTIMEO);
        // TCP's is a copy of the listener; a unix one is made by the connecting side.
        want("%s %s 9.000000/16", is_ip(kind) ? "9.000000/16" : "0.000000/16", is_ip(kind) ? "8.000000/16" : "0.000000/16");
    }
}
