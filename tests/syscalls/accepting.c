// The side that is connected to: bind, listen, accept, accept4. (bind(2), listen(2), accept(2), ip(7), unix(7).) A wait in accept that a
// signal or a cancellation ends: interrupted.c, cancelled.c; bad addresses: pointers.c.
#include "case.h"
#include "dialling.h"
#include "door.h"
#include "io.h"
#include "net.h"
#include "place.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

// Kinds that listen, each made in one way.
static const enum kind kinds[] = {TCP4, TCP6, UNIX_PATH, UNIX_SEQPACKET};
#define LISTENERS(kind)             \
    for (int at = 0; at < 4; at++)  \
        for (enum kind kind = kinds[at], once = 0; !once; once = 1)

static int bind_to(int fd, const struct place *place) { return call->bind(fd, &place->at, place->length); }

static void see_flags(int fd) {
    see("%s%s", fcntl(fd, F_GETFD) & FD_CLOEXEC ? "cloexec" : "kept", fcntl(fd, F_GETFL) & O_NONBLOCK ? "/nonblock" : "/blocking");
}

// ---- accept ----

CASE(whoever_comes) {
    static const struct {
        const char *name;
        int flags;
    } flags[] = {{"accept", -1}, {"0", 0}, {"cloexec", SOCK_CLOEXEC}, {"nonblock", SOCK_NONBLOCK},
                 {"both", SOCK_CLOEXEC | SOCK_NONBLOCK}, {"unknown", 0x40}};
    LISTENERS(kind) {
        // With flags that nobody knows musl's accept4 is an accept first.
        for (int which = 0; which < (is_musl && !call->raw ? 5 : 6); which++) {
            for (enum mode mode = 0; mode < MODES; mode++) {
                struct place place;
                struct name name = fresh_name(sizeof name.address);
                line("%s %s %s", flags[which].name, kind_name[kind], mode_name[mode]);
                int listener = listening(kind, mode, 5, &place), peer = dialled(kind, &place);
                int fd = flags[which].flags < 0 ? call->accept(listener, &name.address, &name.length)
                                                : call->accept4(listener, &name.address, &name.length, flags[which].flags);
                see("%s", fd >= 0 ? "accepted" : error_name(errno));
                see_name(&name);
                if (which == 5) {
                    RET(call->accept4(listener, NULL, NULL, 0) >= 0);
                    want("EINVAL name=kept/0 namelen=128 " OK(1));
                    continue;
                }
                see_flags(fd);
                put(peer, "hello");
                see_events(fd, 2000);
                see_left(fd);
                // A unix client has no name.
                want("accepted name=%s %s/%s poll=1/in/out left=hello",
                     kind == TCP4 ? "inet/16 namelen=16" : kind == TCP6 ? "inet6/28 namelen=28" : "unix/2 namelen=2",
                     flags[which].flags > 0 && flags[which].flags & SOCK_CLOEXEC ? "cloexec" : "kept",
                     flags[which].flags > 0 && flags[which].flags & SOCK_NONBLOCK ? "nonblock" : "blocking");
            }
        }
    }
}

// accept(2): the name is cut to its room, and the length is the whole one.
CASE(room_for_a_name) {
    LISTENERS(kind) {
        static const socklen_t rooms[] = {0, 1, 2, 7};
        for (int i = 0; i < 4; i++) {
            struct place place;
            struct name name = fresh_name(rooms[i]);
            line("%d %s", (int)rooms[i], kind_name[kind]);
            int listener = listening(kind, BLOCKING, 5, &place);
            dialled(kind, &place);
            RET(call->accept(listener, &name.address, &name.length) >= 0);
            see("namelen=%d", (int)name.length);
            unsigned char *bytes = (unsigned char *)&name.address;
            see("%s", bytes[rooms[i]] == CANARY ? "kept behind" : "OVERRUN");
            want(OK(1) " namelen=%d kept behind", kind == TCP4 ? 16 : kind == TCP6 ? 28 : 2);
        }
    }
}

CASE(in_their_order) {
    LISTENERS(kind) {
        struct place place;
        char byte[2] = "";
        line("%s", kind_name[kind]);
        int listener = listening(kind, NONBLOCK, 5, &place);
        for (int i = 0; i < 3; i++) {
            put(dialled(kind, &place), i == 0 ? "a" : i == 1 ? "b" : "c");
        }
        for (int i = 0; i < 3; i++) {
            int fd = call->accept(listener, NULL, NULL);
            NEED(fd >= 0 && recv(fd, byte, 1, 0) == 1);
            see("%s", byte);
        }
        RET(call->accept(listener, NULL, NULL));
        RET(call->accept4(listener, NULL, NULL, SOCK_NONBLOCK));
        see_events(listener, 0);
        want("a b c " FAIL(EAGAIN) " " FAIL(EAGAIN) " poll=0");
    }
}

static struct place dialled_place;
static enum kind dialled_kind;
static void somebody_comes(void *unused) {
    (void)unused;
    dialled(dialled_kind, &dialled_place);
}

CASE(waits_for_somebody) {
    LISTENERS(kind) {
        for (int four = 0; four < 2; four++) {
            struct name name = fresh_name(sizeof name.address);
            line("accept%s %s", four ? "4" : "", kind_name[kind]);
            int listener = listening(kind, BLOCKING, 5, &dialled_place);
            dialled_kind = kind;
            when_asleep(somebody_comes, NULL);
            int fd = four ? call->accept4(listener, &name.address, &name.length, SOCK_CLOEXEC)
                          : call->accept(listener, &name.address, &name.length);
            helped();
            see("%s", fd >= 0 ? "accepted" : error_name(errno));
            see_name(&name);
            see_flags(fd);
            want("accepted name=%s %s/blocking", kind == TCP4 ? "inet/16 namelen=16" : kind == TCP6 ? "inet6/28 namelen=28" : "unix/2 namelen=2",
                 four ? "cloexec" : "kept");
        }
    }
}

// accept(2): errors of the network are passed on by some systems; on Linux one that came and went is accepted as it is.
CASE(who_came_and_went) {
    LISTENERS(kind) {
        for (int reset = 0; reset < 2; reset++) {
            struct place place;
            struct linger at_once = {1, 0};
            char byte;
            line("%s %s", reset ? "reset" : "closed", kind_name[kind]);
            int listener = listening(kind, BLOCKING, 5, &place), peer = dialled(kind, &place);
            if (reset) {
                setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            }
            put(peer, "bye");
            close(peer);
            int fd = call->accept(listener, NULL, NULL);
            see("%s", fd >= 0 ? "accepted" : error_name(errno));
            see_events(fd, 0);
            see_left(fd);
            RET(call->recv(fd, &byte, 1, 0));
            // What came before the reset is still there: Linux keeps it.
            if (reset && is_ip(kind)) {
                want("accepted poll=1/in/out/rdhup/err/hup left=bye " FAIL(ECONNRESET));
            } else {
                want("accepted poll=1/in/out/rdhup%s left=bye " OK(0), is_ip(kind) ? "" : "/hup");
            }
        }
    }
}

CASE(nobody_can_come) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            line("%s %s", kind_name[kind], mode_name[mode]);
            int alone = lone(kind, mode);
            RET(call->accept(alone, NULL, NULL));
            RET(call->accept4(alone, NULL, NULL, SOCK_CLOEXEC));
            struct two pair = two(kind, mode);
            RET(call->accept(pair.here, NULL, NULL));
            if (is_datagram(kind)) {
                want(FAIL(EOPNOTSUPP) " " FAIL(EOPNOTSUPP) " " FAIL(EOPNOTSUPP));
            } else {
                want(FAIL(EINVAL) " " FAIL(EINVAL) " " FAIL(EINVAL));
            }
        }
    }
}

static void shut(void *fd) { NEED(call->shutdown(*(int *)fd, SHUT_RDWR) == 0); }

// shutdown(2) of a listener: it listens no more, and who waits is told.
CASE(shut_down_while_it_waits) {
    LISTENERS(kind) {
        struct place place;
        line("%s", kind_name[kind]);
        int listener = listening(kind, BLOCKING, 5, &place);
        when_asleep(shut, &listener);
        RET(call->accept(listener, NULL, NULL));
        helped();
        RET(call->accept(listener, NULL, NULL));
        RET(dial(lone(kind, BLOCKING), &place));
        want(FAIL(EINVAL) " " FAIL(EINVAL) " " FAIL(ECONNREFUSED));
    }
}

// accept(2), EMFILE: the connection stays where it is.
CASE(no_number_is_free) {
    LISTENERS(kind) {
        for (int four = 0; four < 2; four++) {
            for (enum mode mode = 0; mode < MODES; mode++) {
                struct place place;
                struct rlimit before, now;
                line("accept%s %s %s", four ? "4" : "", kind_name[kind], mode_name[mode]);
                int listener = listening(kind, mode, 5, &place), peer = dialled(kind, &place);
                getrlimit(RLIMIT_NOFILE, &before);
                int lowest = dup(0);
                close(lowest);
                now = (struct rlimit){(rlim_t)lowest, before.rlim_max};
                setrlimit(RLIMIT_NOFILE, &now);
                RET(four ? call->accept4(listener, NULL, NULL, SOCK_NONBLOCK) : call->accept(listener, NULL, NULL));
                RET(four ? call->accept4(listener, NULL, NULL, SOCK_NONBLOCK) : call->accept(listener, NULL, NULL));
                see_events(listener, 0);
                setrlimit(RLIMIT_NOFILE, &before);
                put(peer, "here");
                int fd = call->accept(listener, NULL, NULL);
                see_events(fd, 2000);
                see_left(fd);
                want(FAIL(EMFILE) " " FAIL(EMFILE) " poll=1/in poll=1/in/out left=here");
            }
        }
    }
}

// ---- bind ----

CASE(addresses_in_use) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        if (kind == TCP4_ACCEPTED || kind == UNIX_STREAM) {
            continue;
        }
        struct place place, odd;
        line("%s", kind_name[kind]);
        int first = listening(kind, BLOCKING, 5, &place), other = lone(kind, BLOCKING);
        RET(bind_to(other, &place));
        RET(bind_to(first, &place));
        odd = place;
        odd.length = 1;
        RET(bind_to(other, &odd));
        odd = place;
        odd.at.any.sa_family = 250;
        RET(bind_to(other, &odd));
        close(first);
        RET(bind_to(other, &place));
        // ip(7): EADDRINUSE, and EINVAL for what is bound already. A path is in use for as long as it exists, which is looked at
        // first (unix_bind_bsd in net/unix/af_unix.c at 6.18). ip(7) has EAFNOSUPPORT and unix(7) EINVAL for another family.
        if (is_ip(kind)) {
            want(FAIL(EADDRINUSE) " " FAIL(EINVAL) " " FAIL(EINVAL) " " FAIL(EAFNOSUPPORT) " " OK(0));
        } else {
            want(FAIL(EADDRINUSE) " " FAIL(EADDRINUSE) " " FAIL(EINVAL) " " FAIL(EINVAL) " " FAIL(EADDRINUSE));
        }
    }
}

CASE(addresses_of_others) {
    for (enum kind kind = 0; kind <= UDP6; kind++) {
        if (kind == TCP4_ACCEPTED) {
            continue;
        }
        int v6 = kind == TCP6 || kind == UDP6, fd = lone(kind, BLOCKING);
        struct place foreign = nowhere(kind);
        line("%s", kind_name[kind]);
        if (v6) {
            foreign.at.v6.sin6_addr.s6_addr[0] = 0xfd;
        } else {
            foreign.at.v4.sin_addr.s_addr = htonl(0x0a0a0a0a);
        }
        RET(bind_to(fd, &foreign));
        struct place low = nowhere(kind);
        low.at.v4.sin_port = htons(99);
        syscall(SYS_setresuid, -1, 65534, -1);
        RET(bind_to(fd, &low));
        syscall(SYS_setresuid, -1, 0, -1);
        RET(bind_to(fd, &low));
        want(FAIL(EADDRNOTAVAIL) " " FAIL(EACCES) " " OK(0));
    }
}

CASE(paths) {
    for (enum kind kind = UNIX_PATH; kind < KINDS; kind++) {
        struct place good = nowhere(kind), missing = good, under = good, looping = good, forbidden = nowhere(kind), long_;
        line("%s", kind_name[kind]);
        int fd = lone(kind, BLOCKING);
        strcpy(missing.at.local.sun_path, scratch("none/x"));
        strcpy(under.at.local.sun_path, scratch("text/x"));
        strcpy(looping.at.local.sun_path, scratch("loop/x"));
        missing.length = under.length = looping.length = sizeof missing.at.local;
        close(file_with("plain"));
        NEED(symlink("loop", scratch("loop")) == 0);
        RET(bind_to(fd, &missing));
        RET(bind_to(fd, &under));
        RET(bind_to(fd, &looping));
        memset(&long_, 'x', sizeof long_);
        long_.at.local.sun_family = AF_UNIX;
        long_.length = sizeof long_.at.local + 1;
        RET(bind_to(fd, &long_));
        syscall(SYS_setresuid, -1, 65534, -1);
        RET(bind_to(fd, &forbidden));
        syscall(SYS_setresuid, -1, 0, -1);
        RET(bind_to(fd, &good));
        unlink(scratch("loop"));
        want(FAIL(ENOENT) " " FAIL(ENOTDIR) " " FAIL(ELOOP) " " FAIL(EINVAL) " " FAIL(EACCES) " " OK(0));
    }
}

// ---- listen ----

CASE(who_listens) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct place place;
        line("%s", kind_name[kind]);
        int alone = lone(kind, BLOCKING), bound = lone(kind, BLOCKING);
        struct two pair = two(kind, BLOCKING);
        RET(call->listen(alone, 5));
        place = nowhere(kind);
        NEED(bind(bound, &place.at.any, place.length) == 0);
        RET(call->listen(bound, 0));
        RET(call->listen(bound, -1));
        RET(call->listen(pair.here, 1));
        int answers = -1;
        socklen_t size = sizeof answers;
        call->getsockopt(bound, SOL_SOCKET, SO_ACCEPTCONN, &answers, &size);
        see("accepts=%d", answers);
        // ip(7): without an address one is chosen; unix(7) has none to choose. A connected one: EINVAL.
        if (is_datagram(kind)) {
            want(FAIL(EOPNOTSUPP) " " FAIL(EOPNOTSUPP) " " FAIL(EOPNOTSUPP) " " FAIL(EOPNOTSUPP) " accepts=0");
        } else {
            want("%s " OK(0) " " OK(0) " " FAIL(EINVAL) " accepts=1", is_ip(kind) ? OK(0) : FAIL(EINVAL));
        }
    }
    // listen(2): EADDRINUSE where two are bound to one port by SO_REUSEADDR.
    for (int tcp = 0; tcp < 2; tcp++) {
        struct place place = nowhere(tcp_kinds[tcp]);
        int both[2], yes = 1;
        line("two at a port %s", kind_name[tcp_kinds[tcp]]);
        for (int i = 0; i < 2; i++) {
            both[i] = lone(tcp_kinds[tcp], BLOCKING);
            setsockopt(both[i], SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
            RET(bind_to(both[i], &place));
        }
        RET(call->listen(both[0], 5));
        RET(call->listen(both[1], 5));
        RET(call->accept4(both[1], NULL, NULL, SOCK_NONBLOCK));
        want(OK(0) " " OK(0) " " OK(0) " " FAIL(EADDRINUSE) " " FAIL(EINVAL));
    }
}
