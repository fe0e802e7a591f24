// Signals while a call waits: EINTR, or restarted, as signal(7) has it for each call; what stops and goes on; masks that a wait
// brings along.
#include "case.h"
#include "door.h"
#include "io.h"
#include "waiting.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    struct waiting *waiting;
    pid_t thread;
    int number;
    volatile int returned;
} now;

// Send the signal; where the call is still waiting afterwards, let it end.
static void signal_then_finish(void *unused) {
    (void)unused;
    int before = signals_seen, counted = now.number != SIGWINCH && now.number != SIGURG;
    syscall(SYS_tgkill, getpid(), now.thread, now.number);
    for (int i = 0; counted && i < 5000 && signals_seen == before; i++) {
        pause_ms(1);
    }
    while (!now.returned && !sleeps(now.thread, settles_in(now.waiting->wait))) {
    }
    if (!now.returned) {
        finish(now.waiting);
    }
}

static void interrupted_after(int after_ms, struct waiting *w, int number) {
    now.waiting = w;
    now.thread = own_tid();
    now.number = number;
    now.returned = 0;
    when_asleep_for(after_ms, signal_then_finish, NULL);
    errno = UNTOUCHED;
    long result = begin(w);
    int error = errno;
    now.returned = 1;
    errno = error;
    did(result);
    helped();
    see("signals=%d", signals_seen);
}

static void interrupted(struct waiting *w, int number) { interrupted_after(settles_in(w->wait), w, number); }

CASE(a_handler_without_restart) {
    count_signal(SIGUSR1, 0);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum wait wait = 0; wait < WAITS; wait++) {
            if (has_wait(wait, kind)) {
                line("%s %s", wait_name[wait], kind_name[kind]);
                struct waiting w = prepare(wait, kind);
                interrupted(&w, SIGUSR1);
                want(FAIL(EINTR) " signals=1");
            }
        }
    }
    count_signal_no_more(SIGUSR1);
}

// signal(7): poll and its like are never restarted.
CASE(a_handler_with_restart) {
    count_signal(SIGUSR1, 1);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum wait wait = 0; wait < WAITS; wait++) {
            if (has_wait(wait, kind)) {
                line("%s %s", wait_name[wait], kind_name[kind]);
                struct waiting w = prepare(wait, kind);
                interrupted(&w, SIGUSR1);
                if (is_poll(wait)) {
                    want(FAIL(EINTR) " signals=1");
                } else {
                    want("ret=%ld errno=kept signals=1", success_of(&w));
                }
            }
        }
    }
    count_signal_no_more(SIGUSR1);
}

// signal(7): a socket with a timeout of its own answers EINTR whatever the handler says.
CASE(a_handler_with_restart_and_a_timeout) {
    struct timeval long_time = {60, 0};
    count_signal(SIGUSR1, 1);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum wait wait = 0; wait < W_POLL; wait++) {
            if (has_wait(wait, kind)) {
                line("%s %s", wait_name[wait], kind_name[kind]);
                struct waiting w = prepare(wait, kind);
                int input = waits_for_input(wait) || wait == W_ACCEPT || wait == W_ACCEPT4;
                NEED(setsockopt(w.fd, SOL_SOCKET, input ? SO_RCVTIMEO : SO_SNDTIMEO, &long_time, sizeof long_time) == 0);
                interrupted(&w, SIGUSR1);
                want(FAIL(EINTR) " signals=1");
            }
        }
    }
    count_signal_no_more(SIGUSR1);
}

// The handler of another signal, which does not come, has no SA_RESTART.
CASE(a_handler_with_restart_beside_one_without) {
    count_signal(SIGUSR1, 1);
    count_signal(SIGUSR2, 0);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum wait wait = 0; wait < W_POLL; wait++) {
            if (has_wait(wait, kind)) {
                line("%s %s", wait_name[wait], kind_name[kind]);
                struct waiting w = prepare(wait, kind);
                interrupted(&w, SIGUSR1);
                want("ret=%ld errno=kept signals=1", success_of(&w));
            }
        }
    }
    count_signal_no_more(SIGUSR1);
    count_signal_no_more(SIGUSR2);
}

// A signal that is ignored by default interrupts nothing.
CASE(a_signal_that_is_ignored) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum wait wait = 0; wait < WAITS; wait++) {
            if (has_wait(wait, kind) && (kind == TCP4 || kind == UNIX_PATH || kind == UDP6)) {
                line("%s %s", wait_name[wait], kind_name[kind]);
                struct waiting w = prepare(wait, kind);
                interrupted(&w, SIGWINCH);
                want("ret=%ld errno=kept signals=0", success_of(&w));
            }
        }
    }
}

// Two milliseconds after the caller went to sleep a transfer may still be at its first try. A signal is then taken before the wait,
// as one is, natively, that comes a moment before the call: nobody can tell the two apart, and both answers are right.
CASE(a_handler_without_restart_at_the_beginning) {
    count_signal(SIGUSR1, 0);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum wait wait = W_SENDFILE; wait <= W_SPLICE; wait++) {
            if (has_wait(wait, kind)) {
                line("%s %s", wait_name[wait], kind_name[kind]);
                struct waiting w = prepare(wait, kind);
                interrupted_after(2, &w, SIGUSR1);
                want(FAIL(EINTR) " signals=1" " || " "ret=%ld errno=kept signals=1", success_of(&w));
            }
        }
    }
    count_signal_no_more(SIGUSR1);
}

// recv(2): what MSG_WAITALL had by then is returned.
CASE(a_part_is_there) {
    for (int restart = 0; restart <= 1; restart++) {
        count_signal(SIGUSR1, restart);
        for (enum kind kind = 0; kind < KINDS; kind++) {
            if (!is_stream(kind)) {
                continue;
            }
            struct waiting w = prepare(W_RECV, kind);
            struct buffer buffer = fresh();
            line("%s %s", kind_name[kind], restart ? "restart" : "no restart");
            put(w.peer, "ab");
            now.waiting = &w;
            now.thread = own_tid();
            now.number = SIGUSR1;
            now.returned = 0;
            when_asleep(signal_then_finish, NULL);
            RET(call->recv(w.fd, buffer.bytes, 8, MSG_WAITALL));
            now.returned = 1;
            helped();
            see("buf=%s signals=%d", text_of(&buffer), signals_seen);
            want(OK(2) " buf=ab signals=1");
        }
        count_signal_no_more(SIGUSR1);
    }
}

// ---- Stopped and continued, without any handler ----

struct shared {
    volatile long result;
    volatile int error, done;
};

static char state_of(pid_t process) {
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    FILE *stat = fopen(path, "r");
    if (stat) {
        if (!fgets(text, sizeof text, stat)) {
            text[0] = 0;
        }
        fclose(stat);
    }
    char *end = strrchr(text, ')');
    return end && end[1] ? end[2] : '?';
}

static int comes_to(pid_t process, char state, const struct shared *shared) {
    int seen = 0;
    for (int i = 0; i < 10000 && seen < 4 && !(shared && shared->done); i++) {
        seen = state_of(process) == state ? seen + 1 : 0;
        struct timespec while_ = {0, 300000};
        nanosleep(&while_, NULL);
    }
    return seen == 4;
}

static void stopped(struct waiting *w) {
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (child == 0) {
        alarm(15);
        errno = UNTOUCHED;
        shared->result = begin(w);
        shared->error = errno;
        shared->done = 1;
        _exit(0);
    }
    NEED(comes_to(child, 'S', NULL));
    kill(child, SIGSTOP);
    NEED(comes_to(child, 'T', NULL));
    kill(child, SIGCONT);
    if (comes_to(child, 'S', shared)) {
        finish(w);
    }
    waitpid(child, NULL, 0);
    errno = shared->error;
    did(shared->result);
    munmap(shared, sizeof *shared);
}

// signal(7): of those that wait on sockets only epoll_wait and its like, and those with a timeout of their own, are interrupted.
CASE(stopped_and_continued) {
    static const enum kind kinds[] = {TCP4, UDP4, UNIX_PATH, UNIX_SEQPACKET};
    struct timeval long_time = {60, 0};
    for (int i = 0; i < 4; i++) {
        for (enum wait wait = 0; wait < WAITS; wait++) {
            if (!has_wait(wait, kinds[i])) {
                continue;
            }
            line("%s %s", wait_name[wait], kind_name[kinds[i]]);
            struct waiting w = prepare(wait, kinds[i]);
            stopped(&w);
            if (wait >= W_EPOLL_WAIT) {
                want(FAIL(EINTR));
            } else {
                want("ret=%ld errno=kept", success_of(&w));
            }
            if (wait <= W_SENDMMSG || wait == W_ACCEPT) {
                line("%s %s with a timeout", wait_name[wait], kind_name[kinds[i]]);
                w = prepare(wait, kinds[i]);
                setsockopt(w.fd, SOL_SOCKET, waits_for_input(wait) || wait == W_ACCEPT ? SO_RCVTIMEO : SO_SNDTIMEO, &long_time,
                           sizeof long_time);
                stopped(&w);
                want(FAIL(EINTR));
            }
        }
    }
}

// ---- Masks that a wait brings along ----

// ppoll(2), pselect(2), epoll_pwait(2): a signal that is pending and let in ends the wait; not where there is something to report.
CASE(a_pending_signal_is_let_in) {
    sigset_t blocked, open_;
    sigemptyset(&open_);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    for (int restart = 0; restart <= 1; restart++) {
        count_signal(SIGUSR1, restart);
        for (int ready = 0; ready <= 1; ready++) {
            for (int which = 0; which < 4; which++) {
                static const char *const names[] = {"ppoll", "pselect", "epoll_pwait", "epoll_pwait2"};
                struct two pair = two(TCP4, NONBLOCK);
                struct epoll_event event = {.events = EPOLLIN}, events[2];
                struct timespec ten = {10, 0};
                struct pollfd one = {pair.here, POLLIN, 0};
                fd_set in;
                FD_ZERO(&in);
                FD_SET(pair.here, &in);
                int set = epoll_create1(0);
                NEED(call->epoll_ctl(set, EPOLL_CTL_ADD, pair.here, &event) == 0);
                line("%s %s %s", names[which], restart ? "restart" : "no restart", ready ? "something there" : "nothing there");
                if (ready) {
                    put(pair.there, "a");
                }
                sigprocmask(SIG_BLOCK, &blocked, NULL);
                raise(SIGUSR1);
                RET(which == 0   ? call->ppoll(&one, 1, &ten, &open_)
                    : which == 1 ? call->pselect(pair.here + 1, &in, NULL, NULL, &ten, &open_)
                    : which == 2 ? call->epoll_pwait(set, events, 2, 10000, &open_)
                                 : call->epoll_pwait2(set, events, 2, &ten, &open_));
                int within = signals_seen;
                sigprocmask(SIG_UNBLOCK, &blocked, NULL);
                see("signals=%d,%d set=%d", within, signals_seen, FD_ISSET(pair.here, &in) != 0);
                if (ready) {
                    want(OK(1) " signals=0,1 set=1");
                } else {
                    want(FAIL(EINTR) " signals=1,1 set=1");
                }
            }
        }
        count_signal_no_more(SIGUSR1);
    }
}
