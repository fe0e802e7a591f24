// connect where somebody answers, or refuses: what it says, and what every later call says of the attempt. (connect(2), tcp(7),
// udp(7), unix(7).) Where nobody answers: unanswered.c; where it may not be: disallowed.c; the other side: accepting.c.
#include "case.h"
#include "dialling.h"
#include "door.h"
#include "place.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

// ---- It succeeds ----

CASE(somebody_listens) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            if (kind == TCP4_ACCEPTED || kind == UNIX_STREAM) {
                continue;
            }
            const char *peer = kind == TCP6 || kind == UDP6 ? "inet6" : is_ip(kind) ? "inet" : "unix";
            int is_tcp = kind == TCP4 || kind == TCP6, later = is_tcp && mode == NONBLOCK;
            struct place place;
            line("%s %s", kind_name[kind], mode_name[mode]);
            listening(kind, BLOCKING, 5, &place);
            int fd = lone(kind, mode);
            see_peer(fd);
            RET(dial(fd, &place));
            see_events(fd, 2000);
            see_error(fd);
            see_peer(fd);
            // The one that waited is told of its success once (inet_stream_connect in net/ipv4/af_inet.c at 6.18).
            RET(dial(fd, &place));
            RET(dial(fd, &place));
            const char *again = is_datagram(kind) ? OK(0) : FAIL(EISCONN);
            want("peer=ENOTCONN %s poll=1/out so_error=0 peer=%s %s %s", later ? FAIL(EINPROGRESS) : OK(0), peer, later ? OK(0) : again,
                 again);
        }
    }
}

// connect(2): a datagram socket may be connected anew, and AF_UNSPEC dissolves it; a TCP socket can be used again after it.
CASE(dissolved) {
    static const enum kind kinds[] = {TCP4, TCP6, UDP4, UDP6, UNIX_DGRAM, UNIX_PATH};
    struct sockaddr_storage none = {.ss_family = AF_UNSPEC};
    for (int i = 0; i < 6; i++) {
        enum kind kind = kinds[i];
        struct place place;
        line("%s", kind_name[kind]);
        int listener = listening(kind, NONBLOCK, 5, &place), fd = lone(kind, BLOCKING);
        RET(dial(fd, &place));
        // A length that only AF_UNSPEC may have (inet_dgram_connect and inet_stream_connect look at the family first).
        RET(call->connect(fd, &none, kind == UNIX_PATH ? 2 : 16));
        see_peer(fd);
        RET(dial(fd, &place));
        see_peer(fd);
        (void)listener;
        const char *peer = kind == TCP6 || kind == UDP6 ? "inet6" : is_ip(kind) ? "inet" : "unix";
        if (kind == UNIX_PATH) {
            want(OK(0) " " FAIL(EINVAL) " peer=unix " FAIL(EISCONN) " peer=unix");
        } else {
            want(OK(0) " " OK(0) " peer=ENOTCONN " OK(0) " peer=%s", peer);
        }
    }
}

CASE(v4_by_v6) {
    for (enum mode mode = 0; mode < MODES; mode++) {
        struct place v4, mapped = {.length = sizeof mapped.at.v6};
        line("%s", mode_name[mode]);
        listening(TCP4, BLOCKING, 5, &v4);
        mapped.at.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = v4.at.v4.sin_port};
        inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.at.v6.sin6_addr);
        int fd = lone(TCP6, mode), only = lone(TCP6, mode), yes = 1;
        RET(dial(fd, &mapped));
        see_events(fd, 2000);
        see_error(fd);
        setsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
        RET(dial(only, &mapped));
        want("%s poll=1/out so_error=0 " FAIL(ENETUNREACH), mode == NONBLOCK ? FAIL(EINPROGRESS) : OK(0));
    }
}

// ---- It is refused ----

CASE(nobody_listens) {
    TCPS(kind, mode) {
        struct place place = nowhere(kind), there;
        line("%s %s", kind_name[kind], mode_name[mode]);
        int fd = lone(kind, mode);
        RET(dial(fd, &place));
        see_events(fd, 2000);
        see_peer(fd);
        see_error(fd);
        see_error(fd);
        listening(kind, BLOCKING, 5, &there);
        // POSIX leaves it open; Linux lets the same socket try again. One whose failure was told by something else than connect is told
        // first that its attempt is over (__inet_stream_connect in net/ipv4/af_inet.c at 6.18).
        if (mode == NONBLOCK) {
            RET(dial(fd, &there));
        }
        RET(dial(fd, &there));
        see_events(fd, 2000);
        see_error(fd);
        if (mode == NONBLOCK) {
            want(FAIL(EINPROGRESS) " poll=1/in/out/rdhup/err/hup peer=ENOTCONN so_error=ECONNREFUSED so_error=0 " FAIL(ECONNABORTED)
                 " " FAIL(EINPROGRESS) " poll=1/out so_error=0");
        } else {
            want(FAIL(ECONNREFUSED) " poll=1/out/hup peer=ENOTCONN so_error=0 so_error=0 " OK(0) " poll=1/out so_error=0");
        }
    }
}

// The error is told once, by whichever call asks first.
CASE(who_is_told_of_a_refusal) {
    static const char *const names[] = {"getsockopt", "connect", "read", "recv", "write", "send", "recvmsg", "sendmsg"};
    for (int tcp = 0; tcp < 2; tcp++) {
        for (int who = 0; who < 8; who++) {
            struct place place = nowhere(tcp_kinds[tcp]);
            char byte = 0;
            struct iovec piece = {&byte, 1};
            struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
            int fd = lone(tcp_kinds[tcp], NONBLOCK);
            line("%s %s", names[who], kind_name[tcp_kinds[tcp]]);
            RET(dial(fd, &place));
            see_events(fd, 2000);
            switch (who) {
                case 0: see_error(fd); break;
                case 1: RET(dial(fd, &place)); break;
                case 2: RET(call->read(fd, &byte, 1)); break;
                case 3: RET(call->recv(fd, &byte, 1, 0)); break;
                case 4: RET(call->write(fd, &byte, 1)); break;
                case 5: RET(call->send(fd, &byte, 1, MSG_NOSIGNAL)); break;
                case 6: RET(call->recvmsg(fd, &message, 0)); break;
                default: RET(call->sendmsg(fd, &message, MSG_NOSIGNAL)); break;
            }
            see_error(fd);
            want(FAIL(EINPROGRESS) " poll=1/in/out/rdhup/err/hup %s so_error=0", who == 0 ? "so_error=ECONNREFUSED" : FAIL(ECONNREFUSED));
        }
    }
}

CASE(a_path_where_nobody_listens) {
    for (enum mode mode = 0; mode < MODES; mode++) {
        for (enum kind kind = UNIX_PATH; kind < KINDS; kind++) {
            struct place gone = nowhere(kind), bound, plain, deep;
            line("%s %s", kind_name[kind], mode_name[mode]);
            int fd = lone(kind, mode), there = listening(kind, BLOCKING, 5, &bound);
            close(there);
            RET(dial(fd, &gone));
            RET(dial(fd, &bound));
            plain = gone;
            close(open(plain.at.local.sun_path, O_CREAT | O_RDWR, 0600));
            RET(dial(fd, &plain));
            deep = plain;
            strcat(deep.at.local.sun_path, "/x");
            deep.length += 2;
            RET(dial(fd, &deep));
            see_peer(fd);
            see_error(fd);
            // unix(7) has ECONNREFUSED also for a file that is no socket.
            want(FAIL(ENOENT) " " FAIL(ECONNREFUSED) " " FAIL(ECONNREFUSED) " " FAIL(ENOTDIR) " peer=ENOTCONN so_error=0");
        }
    }
}

// udp(7): nobody is asked; the next call is told.
CASE(a_datagram_that_nobody_takes) {
    for (enum kind kind = UDP4; kind <= UDP6; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            struct place place = nowhere(kind);
            char byte = 'x';
            line("%s %s", kind_name[kind], mode_name[mode]);
            int fd = lone(kind, mode);
            RET(dial(fd, &place));
            RET(call->send(fd, &byte, 1, 0));
            see_events(fd, 2000);
            RET(call->recv(fd, &byte, 1, 0));
            RET(call->send(fd, &byte, 1, 0));
            see_events(fd, 2000);
            RET(call->send(fd, &byte, 1, 0));
            want(OK(0) " " OK(1) " poll=1/out/err " FAIL(ECONNREFUSED) " " OK(1) " poll=1/out/err " FAIL(ECONNREFUSED));
        }
    }
}
