// fork, vfork, clone and exit: what a child has of its parent's descriptors, and what it does to them. (fork(2), vfork(2), clone(2),
// wait(2), exit(3).) What executes another program: executing.c.
#include "case.h"
#include "children.h"
#include "door.h"
#include "io.h"
#include "place.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct two pair;
static int set, other[2];

static void wait_for(int fd, short events) {
    struct pollfd one = {fd, events, 0};
    NEED(call->poll(&one, 1, 5000) == 1);
}

static void see_wait(int ms) {
    struct epoll_event got[2] = {{0}};
    RET(call->epoll_wait(set, got, 2, ms));
    see("data=%u", got[0].data.u32);
}

// ---- What a child has ----

static void reads_and_answers(void) {
    see_wait(1000);
    do_read(RECV, pair.here, 3, 0);
    do_write(SEND, pair.here, "child", MSG_NOSIGNAL);
    do_read(RECV, pair.here, 8, MSG_DONTWAIT);
    see_wait(0);
    RET(call->close(pair.here));
    do_read(READ, pair.here, 8, 0);
    RET(call->close(set));
}

CASE(a_child_uses_what_it_has) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum way_of way = 0; way < WAYS_OF; way++) {
            char answer[16] = "";
            struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7};
            line("%s %s", way_name[way], kind_name[kind]);
            pair = two(kind, BLOCKING);
            set = call->epoll_create1(0);
            NEED(call->epoll_ctl(set, EPOLL_CTL_ADD, pair.here, &event) == 0);
            put(pair.there, "abc");
            wait_for(pair.here, POLLIN);
            see_child(way, reads_and_answers);
            NEED(recv(pair.there, answer, sizeof answer - 1, MSG_DONTWAIT) == 5);
            see("answer=%s", answer);
            // All of it is still here.
            put(pair.there, "def");
            see_wait(1000);
            do_read(READ, pair.here, 8, 0);
            do_write(WRITE, pair.here, "parent", 0);
            want("{" OK(1) " data=7 " OK(3) " buf=abc " OK(5) " " FAIL(EAGAIN) " buf=kept " OK(0) " data=0 " OK(0) " " FAIL(EBADF) " buf=kept "
                 OK(0) "} status=0 answer=child " OK(1) " data=7 " OK(3) " buf=def " OK(6));
        }
    }
}

// open(2): the flags are the description's, whoever sets them.
static void sets_nonblocking(void) {
    int yes = 1;
    RET(call->fcntl(pair.here, F_SETFL, O_NONBLOCK));
    RET(call->ioctl(other[0], 0x5421, (uintptr_t)&yes));
}

CASE(a_child_sets_flags) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum way_of way = 0; way < WAYS_OF; way++) {
            line("%s %s", way_name[way], kind_name[kind]);
            pair = two(kind, BLOCKING);
            other[0] = two(kind, BLOCKING).here;
            // They were blocking, and that was seen.
            put(pair.there, "a");
            do_read(READ, pair.here, 1, 0);
            see_child(way, sets_nonblocking);
            do_read(READ, pair.here, 8, 0);
            do_read(RECV, pair.here, 8, 0);
            do_read(READ, other[0], 8, 0);
            want(OK(1) " buf=a {" OK(0) " " OK(0) "} status=0 " FAIL(EAGAIN) " buf=kept " FAIL(EAGAIN) " buf=kept " FAIL(EAGAIN) " buf=kept");
        }
    }
}

static void closes(void) {
    RET(call->close(pair.here));
    RET(call->close_range((unsigned)pair.there, (unsigned)pair.there, 0));
    RET(call->dup2(other[0], pair.here) == pair.here);
    RET(call->write(pair.here, "pipe?", 5));
    RET(call->close(pair.here));
}

static void shuts(void) { RET(call->shutdown(pair.here, SHUT_WR)); }

CASE(a_child_closes_and_shuts) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum way_of way = 0; way < WAYS_OF; way++) {
            line("%s %s", way_name[way], kind_name[kind]);
            pair = two(kind, BLOCKING);
            NEED(pipe(other) == 0);
            see_child(way, closes);
            put(pair.there, "abc");
            do_read(READ, pair.here, 8, 0);
            see_child(way, shuts);
            do_write(SEND, pair.here, "x", MSG_NOSIGNAL);
            if (!is_datagram(kind)) {
                wait_for(pair.there, POLLIN);
                see_left(pair.there);
            }
            // other[0] is a pipe's reading end.
            want("{" OK(0) " " OK(0) " " OK(1) " " FAIL(EBADF) " " OK(0) "} status=0 " OK(3) " buf=abc {" OK(0) "} status=0 " FAIL(EPIPE)
                 "%s", is_datagram(kind) ? "" : " left=end");
        }
    }
}

// epoll(7): a set is a description as well, and a child's changes are the parent's.
static void leaves_the_set(void) {
    RET(call->epoll_ctl(set, EPOLL_CTL_DEL, pair.here, NULL));
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 9};
    RET(call->epoll_ctl(set, EPOLL_CTL_ADD, other[0], &event));
}

CASE(a_child_changes_a_set) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum way_of way = 0; way < WAYS_OF; way++) {
            struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7};
            line("%s %s", way_name[way], kind_name[kind]);
            pair = two(kind, NONBLOCK);
            struct two second = two(kind, NONBLOCK);
            other[0] = second.here;
            set = call->epoll_create1(0);
            NEED(call->epoll_ctl(set, EPOLL_CTL_ADD, pair.here, &event) == 0);
            see_child(way, leaves_the_set);
            put(pair.there, "x");
            wait_for(pair.here, POLLIN);
            see_wait(0);
            put(second.there, "y");
            see_wait(2000);
            RET(call->epoll_ctl(set, EPOLL_CTL_MOD, pair.here, &event));
            RET(call->epoll_ctl(set, EPOLL_CTL_ADD, second.here, &event));
            want("{" OK(0) " " OK(0) "} status=0 " OK(0) " data=0 " OK(1) " data=9 " FAIL(ENOENT) " " FAIL(EEXIST));
        }
    }
}

// clone(2), CLONE_FILES: one table of descriptors for both; what the child closes and opens, the parent has.
static int replaces(void *unused) {
    (void)unused;
    int fd = pair.here;
    if (call->close(fd) || call->dup2(other[0], fd) < 0) {
        return 1;
    }
    return 0;
}

CASE(a_child_with_the_same_table) {
    static char stack[65536] __attribute__((aligned(16)));
    for (enum kind kind = 0; kind < KINDS; kind++) {
        int status = -1;
        line("%s", kind_name[kind]);
        NEED(pipe(other) == 0 && write(other[1], "pipe", 4) == 4);
        pair = two(kind, BLOCKING);
        put(pair.there, "abc");
        do_read(RECV, pair.here, 1, MSG_PEEK);
        pid_t child = clone(replaces, stack + sizeof stack, CLONE_FILES | SIGCHLD, NULL);
        NEED(waitpid(child, &status, 0) == child);
        see("status=%x", (unsigned)status);
        do_read(READ, pair.here, 8, 0);
        RET(call->recv(pair.here, &status, 1, 0));
        RET(call->send(pair.here, "x", 1, 0));
        want(OK(1) " buf=a status=0 " OK(4) " buf=pipe " FAIL(ENOTSOCK) " " FAIL(ENOTSOCK));
    }
}

// ---- vfork: the memory is the parent's, the descriptors are not ----

CASE(vforked) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        int status = -1;
        line("%s", kind_name[kind]);
        pair = two(kind, BLOCKING);
        NEED(pipe(other) == 0);
        put(pair.there, "abc");
        wait_for(pair.here, POLLIN);
        // What programs do there between vfork and exec; its line is its parent's.
        pid_t child = vfork();
        if (child == 0) {
            do_read(READ, pair.here, 1, 0);
            RET(call->dup2(other[1], pair.here) == pair.here);
            do_write(WRITE, pair.here, "pipe", 0);
            RET(call->close(pair.here));
            RET(call->close(pair.there));
            RET(call->dup2(other[0], 40));
            _exit(3);
        }
        NEED(waitpid(child, &status, 0) == child);
        see("status=%d", WEXITSTATUS(status));
        put(pair.there, "def");
        do_read(READ, pair.here, 8, 0);
        do_read(READ, other[0], 8, 0);
        do_write(WRITE, pair.here, "x", 0);
        RET(call->read(40, &status, 1));
        // A message is gone with its first byte.
        want(OK(1) " buf=a " OK(1) " " OK(4) " " OK(0) " " OK(0) " " OK(40) " status=3 %s " OK(4) " buf=pipe " OK(1) " " FAIL(EBADF),
             is_stream(kind) ? OK(5) " buf=bcdef" : OK(3) " buf=def");
    }
}

// ---- Ends ----

static void leaves(void) {
    fflush(NULL);
    exit(42);
}
static int left;
static void at_exit(void) {
    if (left && write(left, "at exit", 7) != 7) {
        _exit(9);
    }
}
static void leaves_by_exit(void) {
    left = other[1];
    leaves();
}

CASE(how_children_end) {
    static int registered;
    char text[16] = "";
    if (!registered++) {
        atexit(at_exit);
    }
    line("exit%s", "");
    NEED(pipe(other) == 0);
    see_child(BY_FORK, leaves_by_exit);
    NEED(read(other[0], text, sizeof text - 1) > 0);
    see("%s", text);
    want("{} status=42 at exit");

    for (int restart = 0; restart < 2; restart++) {
        line("a parent that waits, SIGCHLD %s", restart ? "restart" : "no restart");
        pair = two(TCP4, BLOCKING);
        count_signal(SIGCHLD, restart);
        when_asleep(end_the_child, begin_child(pair.there));
        do_read(READ, pair.here, 8, 0);
        helped();
        int status = -1;
        NEED(waitpid(-1, &status, 0) > 0 || errno == ECHILD);
        count_signal_no_more(SIGCHLD);
        see("signals=%d killed=%d", signals_seen, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
        if (restart) {
            want(OK(4) " buf=more signals=1 killed=9");
        } else {
            want(FAIL(EINTR) " buf=kept signals=1 killed=9");
        }
    }
}
