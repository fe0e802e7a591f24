// connect where it may not be: addresses of another kind, rights, ports, and no room with the other side. (connect(2), ip(7), unix(7).)
#include "case.h"
#include "dialling.h"
#include "door.h"
#include "net.h"
#include "place.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

// ---- It may not be ----

CASE(addresses_of_another_kind) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            if (kind == TCP4_ACCEPTED || kind == UNIX_STREAM) {
                continue;
            }
            struct place mine, v4, v6, local;
            line("%s %s", kind_name[kind], mode_name[mode]);
            listening(kind, BLOCKING, 5, &mine);
            listening(TCP4, BLOCKING, 5, &v4);
            listening(TCP6, BLOCKING, 5, &v6);
            listening(UNIX_PATH, BLOCKING, 5, &local);
            // Long enough for each family: the length is looked at first.
            v4.length = v6.length = 28;
            local.length = 40;
            int fd = lone(kind, mode);
            struct place short_ = mine, none = mine, odd = mine;
            short_.length = 1;
            none.length = 0;
            odd.at.any.sa_family = 250;
            RET(dial(fd, &short_));
            RET(dial(fd, &none));
            RET(dial(fd, &odd));
            if (kind != TCP4 && kind != UDP4) {
                RET(kind == UDP6 ? -1 : dial(fd, &v4));
            }
            if (kind != TCP6 && kind != UDP6) {
                RET(dial(fd, &v6));
            }
            if (is_ip(kind)) {
                RET(dial(fd, &local));
            }
            see_peer(fd);
            const char *wrong = is_ip(kind) ? FAIL(EAFNOSUPPORT) : FAIL(EINVAL);
            if (kind == UDP6) {
                want(FAIL(EINVAL) " " FAIL(EINVAL) " %s ret=-1 errno=kept %s peer=ENOTCONN", wrong, wrong);
            } else if (is_ip(kind)) {
                want(FAIL(EINVAL) " " FAIL(EINVAL) " %s %s %s peer=ENOTCONN", wrong, wrong, wrong);
            } else {
                want(FAIL(EINVAL) " " FAIL(EINVAL) " %s %s %s peer=ENOTCONN", wrong, wrong, wrong);
            }
        }
    }
}

CASE(a_path_of_another_kind) {
    for (enum kind mine = UNIX_PATH; mine < KINDS; mine++) {
        for (enum kind there = UNIX_PATH; there < KINDS; there++) {
            for (enum mode mode = 0; mode < MODES && mine != there; mode++) {
                struct place place;
                line("%s to %s %s", kind_name[mine], kind_name[there], mode_name[mode]);
                listening(there, BLOCKING, 5, &place);
                int fd = lone(mine, mode);
                RET(dial(fd, &place));
                see_peer(fd);
                want(FAIL(EPROTOTYPE) " peer=ENOTCONN");
            }
        }
    }
}

// unix(7): a path that is too long, one without its end, names that are in no file system.
CASE(names_of_sockets) {
    for (enum kind kind = UNIX_PATH; kind < KINDS; kind++) {
        struct place place, unended, abstract = {.length = 10}, nobody = {.length = 10}, long_;
        line("%s", kind_name[kind]);
        listening(kind, BLOCKING, 5, &place);
        unended = place;
        unended.length -= 1;
        int one = lone(kind, BLOCKING), two_ = lone(kind, BLOCKING), fd = lone(kind, BLOCKING), listener = lone(kind, BLOCKING);
        memcpy(&abstract.at.local, &(struct sockaddr_un){.sun_family = AF_UNIX, .sun_path = "\0nd-abst"}, sizeof abstract.at.local);
        memcpy(&nobody.at.local, &(struct sockaddr_un){.sun_family = AF_UNIX, .sun_path = "\0nd-nobo"}, sizeof nobody.at.local);
        NEED(bind(listener, &abstract.at.any, abstract.length) == 0);
        NEED(is_datagram(kind) || listen(listener, 5) == 0);
        RET(dial(one, &unended));
        RET(dial(two_, &abstract));
        RET(dial(fd, &nobody));
        memset(&long_, 'x', sizeof long_);
        long_.at.local.sun_family = AF_UNIX;
        long_.length = sizeof long_.at.local;
        RET(dial(fd, &long_));
        long_.length += 1;
        RET(dial(fd, &long_));
        see_peer(one);
        see_peer(two_);
        want(OK(0) " " OK(0) " " FAIL(ECONNREFUSED) " " FAIL(ENOENT) " " FAIL(EINVAL) " peer=unix peer=unix");
    }
}

// path_resolution(7): writing to the socket's file and searching its directory must be allowed.
static void without_privileges(int without) { syscall(SYS_setresuid, -1, without ? 65534 : 0, -1); }

CASE(not_allowed) {
    for (enum kind kind = UNIX_PATH; kind < KINDS; kind++) {
        struct place place;
        line("a path %s", kind_name[kind]);
        listening(kind, BLOCKING, 5, &place);
        chmod(scratch("."), 0755);
        chmod(place.at.local.sun_path, 0600);
        int fd = lone(kind, BLOCKING);
        without_privileges(1);
        RET(dial(fd, &place));
        without_privileges(0);
        chmod(scratch("."), 0700);
        chmod(place.at.local.sun_path, 0777);
        without_privileges(1);
        RET(dial(fd, &place));
        without_privileges(0);
        RET(dial(fd, &place));
        want(FAIL(EACCES) " " FAIL(EACCES) " " OK(0));
    }
    for (enum mode mode = 0; mode < MODES; mode++) {
        struct place all = {.at.v4 = {.sin_family = AF_INET, .sin_port = htons(9)}, .length = sizeof all.at.v4};
        int yes = 1;
        line("a broadcast %s", mode_name[mode]);
        all.at.v4.sin_addr.s_addr = htonl(0x7fffffff);
        int udp = lone(UDP4, mode), tcp = lone(TCP4, mode);
        RET(dial(udp, &all));
        setsockopt(udp, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
        RET(dial(udp, &all));
        RET(dial(tcp, &all));
        see_peer(tcp);
        // ip(7), tcp_v4_connect: TCP goes to one host.
        want(FAIL(EACCES) " " OK(0) " " FAIL(ENETUNREACH) " peer=ENOTCONN");
    }
}

// A listener does not dial; a datagram socket that belongs to another peer takes nobody else.
CASE(who_may_not) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        if (is_datagram(kind) || kind == TCP4_ACCEPTED || kind == UNIX_STREAM) {
            continue;
        }
        struct place place, own;
        line("a listener %s", kind_name[kind]);
        listening(kind, BLOCKING, 5, &place);
        RET(dial(listening(kind, BLOCKING, 5, &own), &place));
        want("ret=-1 errno=%s", is_ip(kind) ? "EISCONN" : "EINVAL");
    }
    struct place first, second;
    line("a peer of another%s", "");
    int a = listening(UNIX_DGRAM, BLOCKING, 0, &first);
    listening(UNIX_DGRAM, BLOCKING, 0, &second);
    NEED(connect(a, &second.at.any, second.length) == 0);
    RET(dial(lone(UNIX_DGRAM, BLOCKING), &first));
    want(FAIL(EPERM));
}

// ip(7), ip_local_port_range: no port is left to connect from. And the same two ends twice.
CASE(no_port) {
    for (int tcp = 0; tcp < 2; tcp++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            struct place place;
            line("none is left %s %s", kind_name[tcp_kinds[tcp]], mode_name[mode]);
            listening(tcp_kinds[tcp], BLOCKING, 5, &place);
            NEED(set_sysctl("ipv4/ip_local_port_range", "40000 40001") == 0);
            int one = lone(tcp_kinds[tcp], BLOCKING), other = lone(tcp_kinds[tcp], BLOCKING), third = lone(tcp_kinds[tcp], mode);
            RET(dial(one, &place));
            RET(dial(other, &place));
            RET(dial(third, &place));
            see_error(third);
            NEED(set_sysctl("ipv4/ip_local_port_range", "32768 60999") == 0);
            want(OK(0) " " OK(0) " " FAIL(EADDRNOTAVAIL) " so_error=0");

            struct place from = place;
            int yes = 1;
            line("the same ends %s %s", kind_name[tcp_kinds[tcp]], mode_name[mode]);
            listening(tcp_kinds[tcp], BLOCKING, 5, &place);
            int first = lone(tcp_kinds[tcp], BLOCKING), second = lone(tcp_kinds[tcp], mode);
            setsockopt(first, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
            setsockopt(second, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
            from.at.v4.sin_port = htons(39000);
            NEED(bind(first, &from.at.any, from.length) == 0 && bind(second, &from.at.any, from.length) == 0);
            RET(dial(first, &place));
            RET(dial(second, &place));
            // Both are closed by the line: the port is free again at once.
            struct linger reset = {1, 0};
            setsockopt(first, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            want(OK(0) " " FAIL(EADDRNOTAVAIL));
        }
    }
}

// unix(7), connect(2): a full backlog.
static void end(void *listener) { call->close(*(int *)listener); }
static void take_one(void *listener) { NEED(accept(*(int *)listener, NULL, NULL) >= 0); }

CASE(no_room) {
    static const enum kind kinds[] = {UNIX_PATH, UNIX_SEQPACKET};
    for (int i = 0; i < 2; i++) {
        struct place place;
        struct timeval time = {0, 60000};
        line("%s", kind_name[kinds[i]]);
        int listener = listening(kinds[i], BLOCKING, 0, &place), soon = lone(kinds[i], BLOCKING), never = lone(kinds[i], NONBLOCK);
        RET(dial(lone(kinds[i], BLOCKING), &place));
        RET(dial(never, &place));
        see_events(never, 0);
        NEED(call->setsockopt(soon, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0);
        long began = now_ms();
        RET(dial(soon, &place));
        see("%s", now_ms() - began >= 60 ? "not early" : "EARLY");
        time = (struct timeval){0, 0};
        NEED(call->setsockopt(soon, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0);
        when_asleep(take_one, &listener);
        RET(dial(soon, &place));
        helped();
        see_peer(soon);
        want(OK(0) " " FAIL(EAGAIN) " poll=1/out/hup " FAIL(EAGAIN) " not early " OK(0) " peer=unix");

        line("it ends %s", kind_name[kinds[i]]);
        listener = listening(kinds[i], BLOCKING, 0, &place);
        RET(dial(lone(kinds[i], BLOCKING), &place));
        int waits = lone(kinds[i], BLOCKING);
        when_asleep(end, &listener);
        RET(dial(waits, &place));
        helped();
        see_peer(waits);
        want(OK(0) " " FAIL(ECONNREFUSED) " peer=ENOTCONN");
    }
}
