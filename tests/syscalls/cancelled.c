// pthread_cancel: which calls are cancellation points (pthreads(7)), and that a cancelled call has taken nothing and left the
// socket as it was.
#include "case.h"
#include "door.h"
#include "io.h"
#include "waiting.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static struct {
    struct waiting *waiting;
    volatile pid_t thread;
    volatile int cleaned, returned, asynchronous, pending;
    pthread_barrier_t both;
} now;

static void clean(void *unused) {
    (void)unused;
    now.cleaned++;
}

static void *body(void *unused) {
    (void)unused;
    int before;
    if (now.asynchronous) {
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
    }
    if (now.pending) {
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    }
    pthread_cleanup_push(clean, NULL);
    now.thread = own_tid();
    pthread_barrier_wait(&now.both);
    if (now.pending) {
        pthread_barrier_wait(&now.both);
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    }
    begin(now.waiting);
    now.returned = 1;
    pthread_cleanup_pop(0);
    return NULL;
}

// pthreads(7) lists them; syscall(2) is none. Where libc is not said to make one of a call of Linux's own, these are not.
static int is_point(enum wait wait) {
    return !call->raw && wait != W_SENDFILE && !(is_musl && (wait == W_SPLICE || wait == W_EPOLL_PWAIT2));
}

static int after_ms;

static void cancel(struct waiting *w) {
    pthread_t thread;
    void *result = NULL;
    now.waiting = w;
    now.cleaned = now.returned = 0;
    pthread_barrier_init(&now.both, NULL, 2);
    NEED(pthread_create(&thread, NULL, body, NULL) == 0);
    pthread_barrier_wait(&now.both);
    if (now.pending) {
        pthread_cancel(thread);
        pthread_barrier_wait(&now.both);
    } else {
        NEED(sleeps(now.thread, after_ms ? after_ms : settles_in(w->wait)));
        pthread_cancel(thread);
        if (!is_point(w->wait) && !now.asynchronous) {
            // It waits on, and the request with it.
            pause_ms(10);
            finish(w);
        }
    }
    pthread_join(thread, &result);
    see("cancelled=%d cleaned=%d returned=%d", result == PTHREAD_CANCELED, now.cleaned, now.returned);
    pthread_barrier_destroy(&now.both);
}

// Nothing is lost, and nothing of ours is left on the socket: the same call afterwards, when it need not wait.
static void afterwards(struct waiting *w) {
    struct timeval receive, send;
    socklen_t size = sizeof receive;
    getsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &receive, &size);
    getsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &send, &size);
    see("timeouts=%d,%d blocking=%d", (int)(receive.tv_sec + receive.tv_usec), (int)(send.tv_sec + send.tv_usec),
        !(fcntl(w->fd, F_GETFL) & O_NONBLOCK));
    finish(w);
    RET(begin(w));
}

static void all_waits(int asynchronous) {
    now.asynchronous = asynchronous;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum wait wait = 0; wait < WAITS; wait++) {
            if (!has_wait(wait, kind)) {
                continue;
            }
            line("%s %s", wait_name[wait], kind_name[kind]);
            struct waiting w = prepare(wait, kind);
            cancel(&w);
            if (!asynchronous && !is_point(wait)) {
                want("cancelled=0 cleaned=0 returned=1");
                continue;
            }
            afterwards(&w);
            want("cancelled=1 cleaned=1 returned=0 timeouts=0,0 blocking=1 ret=%ld errno=kept", success_of(&w));
        }
    }
    now.asynchronous = 0;
}

CASE(cancelled_while_it_waits) { all_waits(0); }
CASE(cancelled_asynchronously) { all_waits(1); }

// Two milliseconds after it went to sleep a transfer may still be at its first try, with an option lent: that is given back.
static void first_tries(int asynchronous) {
    now.asynchronous = asynchronous;
    after_ms = 2;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum wait wait = W_SENDFILE; wait <= W_SPLICE; wait++) {
            if (!has_wait(wait, kind) || (!asynchronous && !is_point(wait))) {
                continue;
            }
            line("%s %s", wait_name[wait], kind_name[kind]);
            struct waiting w = prepare(wait, kind);
            cancel(&w);
            afterwards(&w);
            want("cancelled=1 cleaned=1 returned=0 timeouts=0,0 blocking=1 ret=%ld errno=kept", success_of(&w));
        }
    }
    after_ms = now.asynchronous = 0;
}

CASE(cancelled_at_the_beginning) { first_tries(0); }
CASE(cancelled_asynchronously_at_the_beginning) { first_tries(1); }

// A cancellation that came before the call ends it before it has taken anything, also where it need not wait.
CASE(cancelled_before_it_began) {
    now.pending = 1;
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum wait wait = 0; wait < WAITS; wait++) {
            if (!has_wait(wait, kind) || !is_point(wait)) {
                continue;
            }
            line("%s %s", wait_name[wait], kind_name[kind]);
            struct waiting w = prepare(wait, kind);
            finish(&w);
            cancel(&w);
            if (now.returned) {
                // It is done; once more, and it would wait.
                want("cancelled=1 cleaned=1 returned=0 ret=%ld errno=kept", success_of(&w));
                continue;
            }
            RET(begin(&w));
            want("cancelled=1 cleaned=1 returned=0 ret=%ld errno=kept", success_of(&w));
        }
    }
    for (enum kind kind = 0; kind < KINDS && !call->raw; kind++) {
        if (kind != TCP4 && kind != TCP6) {
            continue;
        }
        line("connect %s", kind_name[kind]);
        struct waiting w = {.wait = W_CONNECT, .kind = kind, .fd = lone(kind, BLOCKING)};
        int listener = listening(kind, NONBLOCK, 2, &w.place);
        cancel(&w);
        // Nobody has come.
        see("%s", accept(listener, NULL, NULL) < 0 ? error_name(errno) : "accepted");
        RET(begin(&w));
        want("cancelled=1 cleaned=1 returned=0 EAGAIN " OK(0));
    }
    now.pending = 0;
}

// ---- Calls that are none ----

static void *no_points(void *unused) {
    (void)unused;
    int before, flag = 1;
    struct place place;
    struct timeval time = {1, 0};
    socklen_t size = sizeof time;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    pthread_barrier_wait(&now.both);
    pthread_barrier_wait(&now.both);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &before);
    pthread_cleanup_push(clean, NULL);
    int set = call->epoll_create1(0), one = call->socket(AF_INET, SOCK_STREAM, 0), both[2];
    struct epoll_event event = {.events = EPOLLIN};
    call->socketpair(AF_UNIX, SOCK_STREAM, 0, both);
    call->setsockopt(both[0], SOL_SOCKET, SO_RCVTIMEO, &time, size);
    call->getsockopt(both[0], SOL_SOCKET, SO_RCVTIMEO, &time, &size);
    call->epoll_ctl(set, EPOLL_CTL_ADD, both[0], &event);
    call->epoll_ctl(set, EPOLL_CTL_MOD, both[0], &event);
    call->epoll_ctl(set, EPOLL_CTL_DEL, both[0], &event);
    call->ioctl(both[0], 0x5421, (uintptr_t)&flag);
    call->fcntl(both[0], F_SETFL, 0);
    call->fcntl(both[0], F_GETFL, 0);
    call->dup3(call->dup2(call->dup(both[0]), 40), 41, O_CLOEXEC);
    call->shutdown(both[0], SHUT_WR);
    call->close_range(40, 41, 0);
    (void)place;
    (void)one;
    now.returned = 1;
    pthread_testcancel();
    now.returned = 2;
    pthread_cleanup_pop(0);
    return NULL;
}

CASE(no_cancellation_points) {
    pthread_t thread;
    void *result = NULL;
    line("%s", "");
    now.cleaned = now.returned = 0;
    pthread_barrier_init(&now.both, NULL, 2);
    NEED(pthread_create(&thread, NULL, no_points, NULL) == 0);
    pthread_barrier_wait(&now.both);
    pthread_cancel(thread);
    pthread_barrier_wait(&now.both);
    pthread_join(thread, &result);
    pthread_barrier_destroy(&now.both);
    see("cancelled=%d cleaned=%d returned=%d", result == PTHREAD_CANCELED, now.cleaned, now.returned);
    want("cancelled=1 cleaned=1 returned=1");
}
