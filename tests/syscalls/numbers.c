// Numbers of descriptors: dup, dup2, dup3, fcntl, close, close_range; the lowest number that is free; flags; the limit; numbers of 1024
// and more. (dup(2), fcntl(2), close(2), close_range(2), select(2), getrlimit(2).)
#include "case.h"
#include "door.h"
#include "io.h"
#include "place.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#define CLOSE_RANGE_UNSHARE 2
#endif
// Numbers below this are closed at the end of a line; those that are used again lie near its end.
enum { ONE = 50, OTHER = 51, THIRD = 52, CLOSED_ONE = 59, FAR_AWAY = 1500 };

static int alike(int a, int b) {
    struct stat one, other;
    return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_ino == other.st_ino;
}

static void see_flags(int fd) { see("cloexec=%d", call->fcntl(fd, F_GETFD, 0)); }

// A byte goes to that number's socket and is read there.
static void works(int fd, int peer) {
    struct buffer buffer = fresh();
    errno = UNTOUCHED;
    if (call->write(peer, "x", 1) != 1 || call->read(fd, buffer.bytes, 4) != 1 || call->write(fd, "y", 1) != 1 ||
        call->read(peer, buffer.bytes + 1, 4) != 1) {
        see("MUTE(%s)", error_name(errno));
    }
    see("got=%s", text_of(&buffer));
}

CASE(duplicates) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct two pair = two(kind, BLOCKING);
        line("dup %s", kind_name[kind]);
        int twin = call->dup(pair.here);
        see("%d", twin == pair.there + 1 || twin < pair.here || twin == pair.here + 1);
        see_flags(twin);
        works(twin, pair.there);
        RET(call->close(pair.here));
        works(twin, pair.there);
        want("1 cloexec=0 got=xy " OK(0) " got=xy");

        pair = two(kind, BLOCKING);
        line("dup2 %s", kind_name[kind]);
        RET(call->dup2(pair.here, ONE));
        see_flags(ONE);
        works(ONE, pair.there);
        want(OK(50) " cloexec=0 got=xy");

        pair = two(kind, BLOCKING);
        line("dup2 to itself %s", kind_name[kind]);
        int same = call->dup2(pair.here, ONE);
        call->fcntl(ONE, F_SETFD, FD_CLOEXEC);
        RET(call->dup2(same, ONE));
        see_flags(ONE);
        works(ONE, pair.there);
        want(OK(50) " cloexec=1 got=xy");

        pair = two(kind, BLOCKING);
        line("dup3 %s", kind_name[kind]);
        RET(call->dup3(pair.here, ONE, O_CLOEXEC));
        see_flags(ONE);
        works(ONE, pair.there);
        RET(call->dup3(ONE, ONE, 0));
        // musl's own function makes it of dup2 and takes no notice of other flags.
        RET(is_musl && !call->raw ? call->dup3(59, OTHER, 0) : call->dup3(pair.here, OTHER, O_NONBLOCK));
        RET(call->dup3(pair.here, OTHER, -1));
        see_flags(OTHER);
        want(OK(50) " cloexec=1 got=xy " FAIL(EINVAL) " ret=-1 errno=%s " FAIL(EINVAL) " cloexec=-1",
             is_musl && !call->raw ? "EBADF" : "EINVAL");

        pair = two(kind, BLOCKING);
        line("F_DUPFD %s", kind_name[kind]);
        RET(call->fcntl(pair.here, F_DUPFD, ONE));
        RET(call->fcntl(pair.here, F_DUPFD_CLOEXEC, ONE));
        see_flags(ONE);
        see_flags(OTHER);
        works(OTHER, pair.there);
        want(OK(50) " " OK(51) " cloexec=0 cloexec=1 got=xy");

        // The connection that was there is closed without a word, and its peer sees the end.
        struct two old = two(kind, BLOCKING);
        pair = two(kind, BLOCKING);
        line("dup2 over another %s", kind_name[kind]);
        RET(call->dup2(pair.here, old.here) == old.here);
        works(old.here, pair.there);
        see_left(old.there);
        RET(call->write(old.there, "z", 1));
        see_left(pair.here);
        if (kind == UDP4 || kind == UDP6) {
            want(OK(1) " got=xy left=EAGAIN " OK(1) " left=EAGAIN");
        } else if (kind == UNIX_DGRAM) {
            want(OK(1) " got=xy left=EAGAIN " FAIL(ECONNREFUSED) " left=EAGAIN");
        } else if (is_ip(kind)) {
            want(OK(1) " got=xy left=end " OK(1) " left=EAGAIN");
        } else {
            want(OK(1) " got=xy left=end " FAIL(EPIPE) " left=EAGAIN%s", kind == UNIX_SEQPACKET ? "" : " sigpipe=1");
        }

        pair = two(kind, BLOCKING);
        line("O_NONBLOCK is the description's %s", kind_name[kind]);
        int shared = call->fcntl(pair.here, F_DUPFD, ONE), flag = 0;
        RET(call->fcntl(shared, F_SETFL, O_NONBLOCK));
        see("%d", (call->fcntl(pair.here, F_GETFL, 0) & O_NONBLOCK) != 0);
        do_read(READ, pair.here, 4, 0);
        RET(call->ioctl(pair.here, FIONBIO, (uintptr_t)&flag));
        see("%d", (call->fcntl(shared, F_GETFL, 0) & O_NONBLOCK) != 0);
        want(OK(0) " 1 " FAIL(EAGAIN) " buf=kept " OK(0) " 0");
    }
}

CASE(duplicates_of_nothing) {
    line("%s", "a closed number");
    RET(call->dup(CLOSED_ONE));
    RET(call->dup2(CLOSED_ONE, ONE));
    RET(call->dup2(CLOSED_ONE, CLOSED_ONE));
    RET(call->dup3(CLOSED_ONE, ONE, 0));
    RET(call->fcntl(CLOSED_ONE, F_DUPFD, 0));
    RET(call->fcntl(CLOSED_ONE, F_GETFL, 0));
    RET(call->close(CLOSED_ONE));
    RET(call->close(-1));
    want(FAIL(EBADF) " " FAIL(EBADF) " " FAIL(EBADF) " " FAIL(EBADF) " " FAIL(EBADF) " " FAIL(EBADF) " " FAIL(EBADF) " " FAIL(EBADF));
    line("%s", "onto a number that may not be");
    int fd = two(TCP4, BLOCKING).here;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    RET(call->dup2(fd, -1));
    RET(call->dup2(fd, (int)limit.rlim_cur));
    RET(call->dup3(fd, 2147483647, 0));
    RET(call->fcntl(fd, F_DUPFD, (uintptr_t)-1));
    RET(call->fcntl(fd, F_DUPFD, limit.rlim_cur));
    want(FAIL(EBADF) " " FAIL(EBADF) " " FAIL(EBADF) " " FAIL(EINVAL) " " FAIL(EINVAL));
    line("%s", "an unknown command");
    RET(call->fcntl(two(UNIX_STREAM, BLOCKING).here, 12345, 0));
    want(FAIL(EINVAL));
}

CASE(closed_twice) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct two pair = two(kind, BLOCKING);
        struct buffer buffer = fresh();
        struct pollfd one = {pair.here, POLLIN, 0};
        line("%s", kind_name[kind]);
        RET(call->close(pair.here));
        RET(call->close(pair.here));
        RET(call->read(pair.here, buffer.bytes, 4));
        RET(call->write(pair.here, "a", 1));
        RET(call->poll(&one, 1, 0));
        see("nval=%d", one.revents == POLLNVAL);
        want(OK(0) " " FAIL(EBADF) " " FAIL(EBADF) " " FAIL(EBADF) " " OK(1) " nval=1");
    }
}

// open(2), dup(2): always the lowest number that is free.
CASE(the_lowest_number) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct two pair = two(kind, BLOCKING);
        line("%s", kind_name[kind]);
        int low = pair.here < pair.there ? pair.here : pair.there, both[2], top;
        while ((top = call->dup(low)) < 10) {
        }
        call->close(low);
        see("%d", call->socket(AF_INET, SOCK_STREAM, 0) == low);
        call->close(low);
        see("%d", call->dup(top) == low);
        call->close(low);
        see("%d", call->fcntl(top, F_DUPFD, 0) == low);
        call->close(low);
        see("%d", call->epoll_create1(0) == low);
        call->close(low);
        NEED(call->socketpair(AF_UNIX, SOCK_STREAM, 0, both) == 0);
        see("%d %d", both[0] == low, both[1] == top + 1);
        want("1 1 1 1 1 1");
    }
}

CASE(ranges_are_closed) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct two pair = two(kind, BLOCKING);
        line("%s", kind_name[kind]);
        call->dup2(pair.here, ONE);
        call->dup2(pair.there, OTHER);
        call->dup2(pair.here, THIRD);
        RET(call->close_range(ONE, OTHER, 0));
        see("%d %d %d", fcntl(ONE, F_GETFD), fcntl(OTHER, F_GETFD), fcntl(THIRD, F_GETFD));
        works(THIRD, pair.there);
        want(OK(0) " -1 -1 0 got=xy");
        pair = two(kind, BLOCKING);
        line("for exec %s", kind_name[kind]);
        call->dup2(pair.here, ONE);
        call->dup2(pair.there, OTHER);
        RET(call->close_range(ONE, OTHER, CLOSE_RANGE_CLOEXEC));
        see("%d %d", fcntl(ONE, F_GETFD), fcntl(OTHER, F_GETFD));
        works(ONE, OTHER);
        want(OK(0) " 1 1 got=xy");
    }
    line("%s", "the wrong way round, unknown flags, nothing there");
    RET(call->close_range(OTHER, ONE, 0));
    RET(call->close_range(ONE, OTHER, 0x100));
    RET(call->close_range(CLOSED_ONE, CLOSED_ONE, 0));
    RET(call->close_range(3000000000u, 4294967295u, 0));
    want(FAIL(EINVAL) " " FAIL(EINVAL) " " OK(0) " " OK(0));
}

// No number is left: EMFILE, and nothing is lost.
CASE(the_limit) {
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        if (is_datagram(kind) || kind == TCP4_ACCEPTED) {
            continue;
        }
        for (enum mode mode = 0; mode < MODES; mode++) {
            struct place place;
            int both[2] = {CANARY, CANARY};
            line("%s %s", kind_name[kind], mode_name[mode]);
            int listener = listening(kind, mode, 4, &place), client = dialled(kind, &place), highest = client;
            for (int fd; (fd = call->dup(listener)) >= 0 && fd <= highest;) {
            }
            highest = call->dup(listener) - 1;
            call->close(highest + 1);
            struct pollfd come = {listener, POLLIN, 0};
            NEED(poll(&come, 1, 5000) == 1);
            none = before;
            none.rlim_cur = (rlim_t)highest + 1;
            setrlimit(RLIMIT_NOFILE, &none);
            RET(call->accept(listener, NULL, NULL));
            RET(call->accept4(listener, NULL, NULL, SOCK_CLOEXEC));
            RET(call->socket(AF_INET, SOCK_STREAM, 0));
            RET(call->socketpair(AF_UNIX, SOCK_STREAM, 0, both));
            RET(call->dup(client));
            RET(call->fcntl(client, F_DUPFD, 0));
            RET(call->epoll_create1(0));
            setrlimit(RLIMIT_NOFILE, &before);
            see("%d %d", both[0], both[1]);
            // The client still waits there.
            see("%d", call->accept(listener, NULL, NULL) > highest);
            // socketpair has written them by then: it takes the numbers last and cleans neither (net/socket.c at 6.18).
            want(FAIL(EMFILE) " " FAIL(EMFILE) " " FAIL(EMFILE) " " FAIL(EMFILE) " " FAIL(EMFILE) " " FAIL(EMFILE) " " FAIL(EMFILE)
                 " 170 170 1");
        }
    }
}

// At the limit whatever waits, waits on: nothing of ours needs a number that is not there.
CASE(waiting_at_the_limit) {
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct two pair = two(kind, NONBLOCK);
        struct epoll_event event = {.events = EPOLLIN}, got;
        struct pollfd one = {pair.here, POLLIN, 0};
        int set = call->epoll_create1(0), highest = set;
        line("%s", kind_name[kind]);
        for (int fd; (fd = call->dup(set)) >= 0 && fd <= highest;) {
        }
        none = before;
        none.rlim_cur = (rlim_t)highest + 2;
        setrlimit(RLIMIT_NOFILE, &none);
        RET(call->epoll_ctl(set, EPOLL_CTL_ADD, pair.here, &event));
        RET(call->epoll_wait(set, &got, 1, 5));
        RET(call->poll(&one, 1, 5));
        do_read(READ, pair.here, 4, 0);
        NEED(write(pair.there, "a", 1) == 1);
        RET(call->epoll_wait(set, &got, 1, 5000));
        RET(call->poll(&one, 1, 5000));
        do_read(READ, pair.here, 4, 0);
        setrlimit(RLIMIT_NOFILE, &before);
        want(OK(0) " " OK(0) " " OK(0) " " FAIL(EAGAIN) " buf=kept " OK(1) " " OK(1) " " OK(1) " buf=a");
    }
}

// Numbers that do not fit into an fd_set are numbers like others.
CASE(far_numbers) {
    struct rlimit limit, more;
    getrlimit(RLIMIT_NOFILE, &limit);
    more = limit;
    more.rlim_cur = more.rlim_max < 4096 ? more.rlim_max : 4096;
    setrlimit(RLIMIT_NOFILE, &more);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct two pair = two(kind, NONBLOCK);
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = 5}, got = {0};
        line("%s", kind_name[kind]);
        RET(call->dup2(pair.here, FAR_AWAY));
        call->close(pair.here);
        struct pollfd one = {FAR_AWAY, POLLIN, 0};
        int set = call->epoll_create1(0);
        RET(call->epoll_ctl(set, EPOLL_CTL_ADD, FAR_AWAY, &event));
        do_read(RECV, FAR_AWAY, 4, 0);
        RET(call->poll(&one, 1, 5));
        NEED(write(pair.there, "b", 1) == 1);
        RET(call->poll(&one, 1, 5000));
        RET(call->epoll_wait(set, &got, 1, 5000));
        // A select whose sets reach so far: the kernel takes as many bits as are counted.
        static unsigned long in[4096 / 64];
        memset(in, 0, sizeof in);
        in[FAR_AWAY / 64] = 1ul << FAR_AWAY % 64;
        RET(call->select(FAR_AWAY + 1, (fd_set *)(void *)in, NULL, NULL, NULL));
        see("%d", in[FAR_AWAY / 64] == 1ul << FAR_AWAY % 64);
        do_read(RECV, FAR_AWAY, 4, 0);
        RET(call->write(FAR_AWAY, "c", 1));
        see_left(pair.there);
        RET(call->close_range(FAR_AWAY, FAR_AWAY + 5, 0));
        RET(call->close(FAR_AWAY));
        want(OK(1500) " " OK(0) " " FAIL(EAGAIN) " buf=kept " OK(0) " " OK(1) " " OK(1) " " OK(1) " 1 " OK(1) " buf=b " OK(1)
             " left=c " OK(0) " " FAIL(EBADF));
    }
    setrlimit(RLIMIT_NOFILE, &limit);
}

CASE(statuses_and_owners) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct two pair = two(kind, BLOCKING);
        int on = 1;
        line("%s", kind_name[kind]);
        see("%x", (unsigned)call->fcntl(pair.here, F_GETFL, 0));
        RET(call->fcntl(pair.here, F_SETFL, O_NONBLOCK | O_APPEND));
        see("%x", (unsigned)call->fcntl(pair.here, F_GETFL, 0));
        RET(call->fcntl(pair.here, F_SETFL, O_NONBLOCK));
        RET(call->fcntl(pair.here, F_SETOWN, (uintptr_t)getpid()));
        see("%d", call->fcntl(pair.here, F_GETOWN, 0) == getpid());
        RET(call->fcntl(pair.here, F_SETOWN, (uintptr_t)-getpgrp()));
        // The kernel's own F_GETOWN cannot tell a small group from an error; libc asks by F_GETOWN_EX.
        see("%d", call->raw || call->fcntl(pair.here, F_GETOWN, 0) == -getpgrp());
        RET(call->fcntl(pair.here, F_SETFD, FD_CLOEXEC));
        see_flags(pair.here);
        RET(call->ioctl(pair.here, FIOCLEX, 0));
        RET(call->ioctl(pair.here, FIONCLEX, 0));
        see_flags(pair.here);
        RET(call->ioctl(pair.here, FIONBIO, (uintptr_t)memory(AT_ONE)));
        RET(call->ioctl(pair.here, 0x12345678, (uintptr_t)&on));
        see("%d", alike(pair.here, pair.here));
        want("2 " OK(0) " c02 " OK(0) " " OK(0) " 1 " OK(0) " 1 " OK(0) " cloexec=1 " OK(0) " " OK(0) " cloexec=0 " FAIL(EFAULT) " " FAIL(ENOTTY)
             " 1");
    }
}
