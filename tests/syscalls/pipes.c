// Pipes, terminals and what counts, through calls that we stand for: they concern no socket, and wait, refuse and are interrupted as the
// kernel has it. (pipe(7), tty(4), pty(7), eventfd(2), timerfd_create(2), signalfd(2), inotify(7).) How they are waited on by poll and
// its like: events.c.
#include "case.h"
#include "door.h"
#include "io.h"
#include "place.h"
#include "things.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>

static void nonblocking(int fd, int by_ioctl) {
    int yes = 1;
    NEED((by_ioctl ? call->ioctl(fd, FIONBIO, (uintptr_t)&yes) : call->fcntl(fd, F_SETFL, O_NONBLOCK)) == 0);
}

// ---- Pipes ----

CASE(through_a_pipe) {
    for (enum reading how = READ; how <= READV; how++) {
        for (int by_ioctl = 0; by_ioctl < 2; by_ioctl++) {
            int ends[2], waiting = -1;
            line("%s %s", reading_name[how], by_ioctl ? "FIONBIO" : "F_SETFL");
            NEED(pipe(ends) == 0);
            do_write(how == READ ? WRITE : WRITEV, ends[1], "abcdef", 0);
            RET(call->ioctl(ends[0], FIONREAD, (uintptr_t)&waiting));
            see("waiting=%d", waiting);
            do_read(how, ends[0], 4, 0);
            do_read(how, ends[0], 4, 0);
            nonblocking(ends[0], by_ioctl);
            do_read(how, ends[0], 4, 0);
            RET(call->write(ends[0], "x", 1));
            RET(call->read(ends[1], ends, 1));
            close(ends[1]);
            do_read(how, ends[0], 4, 0);
            want(OK(6) " " OK(0) " waiting=6 " OK(4) " buf=abcd " OK(2) " buf=ef " FAIL(EAGAIN) " buf=kept " FAIL(EBADF) " " FAIL(EBADF) " "
                 OK(0) " buf=kept");
        }
    }
}

// pipe(7): writes up to PIPE_BUF are whole or not at all.
CASE(a_full_pipe) {
    for (enum writing how = WRITE; how <= WRITEV; how++) {
        static char much[3 * PIPE_BUF];
        struct iovec piece = {much, sizeof much};
        int ends[2];
        line("%s", writing_name[how]);
        NEED(pipe(ends) == 0 && fcntl(ends[1], F_SETPIPE_SZ, 2 * PIPE_BUF) == 2 * PIPE_BUF);
        nonblocking(ends[1], 0);
        RET(how == WRITE ? call->write(ends[1], much, sizeof much) : call->writev(ends[1], &piece, 1));
        do_write(how, ends[1], "x", 0);
        NEED(read(ends[0], much, PIPE_BUF) == PIPE_BUF);
        RET(call->write(ends[1], much, PIPE_BUF));
        do_write(how, ends[1], "x", 0);
        close(ends[0]);
        do_write(how, ends[1], "x", 0);
        want(OK(8192) " " FAIL(EAGAIN) " " OK(4096) " " FAIL(EAGAIN) " " FAIL(EPIPE) " sigpipe=1");
    }
}

// pipe2(2), O_DIRECT: each write is a packet.
CASE(packets_in_a_pipe) {
    int ends[2];
    line("%s", "");
    NEED(pipe2(ends, O_DIRECT | O_NONBLOCK) == 0);
    do_write(WRITE, ends[1], "abc", 0);
    do_write(WRITEV, ends[1], "de", 0);
    do_read(READ, ends[0], 2, 0);
    do_read(READV, ends[0], 8, 0);
    do_read(READ, ends[0], 8, 0);
    want(OK(3) " " OK(2) " " OK(2) " buf=ab " OK(2) " buf=de " FAIL(EAGAIN) " buf=kept");
}

static void *drains(void *fd) {
    static char much[4096];
    pause_ms(5);
    for (int left = 30000; left > 0;) {
        left -= (int)read(*(int *)fd, much, sizeof much);
    }
    return NULL;
}

CASE(more_than_a_pipe_holds) {
    static char much[30000];
    pthread_t thread;
    int ends[2];
    line("%s", "");
    NEED(pipe(ends) == 0 && fcntl(ends[1], F_SETPIPE_SZ, PIPE_BUF) == PIPE_BUF);
    pthread_create(&thread, NULL, drains, &ends[0]);
    RET(call->write(ends[1], much, sizeof much));
    pthread_join(thread, NULL);
    want(OK(30000));
}

// ---- Terminals ----

CASE(lines_of_a_terminal) {
    for (enum reading how = READ; how <= READV; how++) {
        struct pair_of pair = thing(TERMINAL, 0);
        line("%s", reading_name[how]);
        do_write(how == READ ? WRITE : WRITEV, pair.there, "one\ntwo\nthr", 0);
        do_read(how, pair.here, 90, 0);
        do_read(how, pair.here, 2, 0);
        do_read(how, pair.here, 90, 0);
        nonblocking(pair.here, 1);
        do_read(how, pair.here, 90, 0);
        // tty: the end-of-file character ends the line, and at its beginning the file.
        do_write(WRITE, pair.there, "\004\004", 0);
        do_read(how, pair.here, 90, 0);
        do_read(how, pair.here, 90, 0);
        do_read(how, pair.here, 90, 0);
        see("%s", isatty(pair.here) ? "tty" : "no tty");
        RET(call->recv(pair.here, &pair, 1, 0));
        close(pair.there);
        do_read(how, pair.here, 90, 0);
        do_write(WRITE, pair.here, "x", 0);
        want(OK(11) " " OK(4) " buf=one\\0a " OK(2) " buf=tw " OK(2) " buf=o\\0a " FAIL(EAGAIN) " buf=kept " OK(2) " " OK(3) " buf=thr " OK(0)
             " buf=kept " FAIL(EAGAIN) " buf=kept tty " FAIL(ENOTSOCK) " " OK(0) " buf=kept " FAIL(EIO));
    }
}

// ---- What counts ----

CASE(eventfds) {
    for (int semaphore = 0; semaphore < 2; semaphore++) {
        uint64_t value = 0, most = UINT64_MAX;
        int fd = eventfd(3, EFD_NONBLOCK | (semaphore ? EFD_SEMAPHORE : 0));
        line("%s", semaphore ? "semaphore" : "counter");
        RET(call->read(fd, &value, 4));
        RET(call->read(fd, &value, 8));
        see("%d", (int)value);
        value = 9;
        struct iovec piece = {&value, 8};
        RET(call->readv(fd, &piece, 1));
        see("%d", (int)value);
        RET(call->write(fd, &most, 8));
        RET(call->write(fd, &most, 4));
        value = most - 3;
        RET(call->write(fd, &value, 8));
        value = 9;
        RET(call->write(fd, &value, 8));
        if (semaphore) {
            want(FAIL(EINVAL) " " OK(8) " 1 " OK(8) " 1 " FAIL(EINVAL) " " FAIL(EINVAL) " " OK(8) " " FAIL(EAGAIN));
        } else {
            want(FAIL(EINVAL) " " OK(8) " 3 " FAIL(EAGAIN) " 9 " FAIL(EINVAL) " " FAIL(EINVAL) " " OK(8) " " FAIL(EAGAIN));
        }
    }
}

CASE(timers_signals_and_watches) {
    uint64_t times = 77;
    struct itimerspec soon = {.it_value = {0, 1000000}}, never = {.it_value = {0, 0}};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    line("a timer%s", "");
    RET(call->read(timer, &times, 8));
    NEED(timerfd_settime(timer, 0, &soon, NULL) == 0);
    NEED(fcntl(timer, F_SETFL, 0) == 0);
    RET(call->read(timer, &times, 4));
    RET(call->read(timer, &times, 8));
    see("%d", (int)times);
    NEED(timerfd_settime(timer, 0, &never, NULL) == 0);
    RET(call->write(timer, &times, 8));
    want(FAIL(EAGAIN) " " FAIL(EINVAL) " " OK(8) " 1 " FAIL(EINVAL));

    struct signalfd_siginfo info[2];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    line("signals%s", "");
    int signals = signalfd(-1, &set, SFD_NONBLOCK);
    sigprocmask(SIG_BLOCK, &set, NULL);
    RET(call->read(signals, info, sizeof info));
    raise(SIGUSR2);
    raise(SIGUSR1);
    RET(call->read(signals, info, 64));
    RET(call->read(signals, info, sizeof info));
    see("%s,%s", info[0].ssi_signo == SIGUSR1 ? "usr1" : "?", info[1].ssi_signo == SIGUSR2 ? "usr2" : "?");
    RET(call->read(signals, info, sizeof info));
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    want(FAIL(EAGAIN) " " FAIL(EINVAL) " " OK(256) " usr1,usr2 " FAIL(EAGAIN));

    char events[4096] __attribute__((aligned(8)));
    line("a watch%s", "");
    int watch = inotify_init1(IN_NONBLOCK);
    NEED(inotify_add_watch(watch, scratch("."), IN_CREATE) >= 0);
    RET(call->read(watch, events, sizeof events));
    close(file_with("x"));
    unlink(scratch("text"));
    close(file_with("x"));
    RET(call->read(watch, events, 4));
    long n = call->read(watch, events, sizeof events);
    const struct inotify_event *first = (const void *)events;
    see("%s %s", n >= 32 ? "events" : error_name(errno), n >= 32 ? first->name : "");
    RET(call->read(watch, events, sizeof events));
    // (The file may have been there before: then there was one creation.)
    want(FAIL(EAGAIN) " " FAIL(EINVAL) " events text " FAIL(EAGAIN));
}

// ---- Waiting in a read or a write, and what ends it ----

static struct pair_of now;

static void come(void *unused) {
    (void)unused;
    let_come(&now);
}

static pid_t caller;
static void signal_and_come(void *unused) {
    (void)unused;
    syscall(SYS_tgkill, getpid(), caller, SIGUSR1);
    for (int i = 0; i < 5000 && !signals_seen; i++) {
        pause_ms(1);
    }
    let_come_later(&now, caller);
}

CASE(something_comes) {
    for (enum thing what = 0; what < THINGS; what++) {
        for (int vector = 0; vector < 2; vector++) {
            char bytes[512];
            struct iovec piece = {bytes, thing_size[what]};
            line("%s %s", vector ? "vectors" : "bytes", thing_name[what]);
            now = thing(what, 1);
            when_asleep(come, NULL);
            if (what == PIPE_FULL) {
                RET(vector ? call->writev(now.here, &piece, 1) : call->write(now.here, bytes, piece.iov_len));
            } else {
                RET(vector ? call->readv(now.here, &piece, 1) : call->read(now.here, bytes, piece.iov_len));
            }
            helped();
            want("ret=%d errno=kept", thing_answer[what]);
        }
    }
}

// signal(7): each of them is taken up again with SA_RESTART (inotify's since Linux 3.8).
CASE(interrupted) {
    for (enum thing what = 0; what < THINGS; what++) {
        for (int restart = 0; restart < 3; restart++) {
            static const char *const names[] = {"no restart", "restart", "restart beside one without"};
            char bytes[512];
            line("%s %s", names[restart], thing_name[what]);
            now = thing(what, 1);
            caller = own_tid();
                    count_signal(SIGUSR1, restart > 0);
            if (restart == 2) {
                count_signal(SIGUSR2, 0);
            }
            when_asleep(signal_and_come, NULL);
            RET(what == PIPE_FULL ? call->write(now.here, bytes, thing_size[what]) : call->read(now.here, bytes, thing_size[what]));
            now.returned = 1;
            helped();
            see("signals=%d", signals_seen);
            count_signal_no_more(SIGUSR1);
            count_signal_no_more(SIGUSR2);
            if (restart) {
                want("ret=%d errno=kept signals=1", thing_answer[what]);
            } else {
                want(FAIL(EINTR) " signals=1");
            }
        }
    }
}
