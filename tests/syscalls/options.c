// Options of sockets, and flags of the calls that move bytes: what is set is got, in the lengths that were asked for; MSG_PEEK, MSG_TRUNC,
// MSG_WAITALL, MSG_OOB, MSG_ERRQUEUE; descriptors as messages; several messages at a time. (socket(7), recv(2), recvmmsg(2), cmsg(3).)
#include "case.h"
#include "door.h"
#include "io.h"
#include "place.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

CASE(numbers_are_set_and_got) {
    static const struct {
        int level, name;
        const char *is;
    } options[] = {{SOL_SOCKET, SO_KEEPALIVE, "keepalive"}, {SOL_SOCKET, SO_TIMESTAMP, "timestamp"}, {SOL_SOCKET, SO_REUSEADDR, "reuseaddr"},
                   {SOL_SOCKET, SO_RCVLOWAT, "rcvlowat"}, {SOL_SOCKET, SO_OOBINLINE, "oobinline"}};
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
            int fd = two(kind, NONBLOCK).here, on = 1, got[2] = {-7, -7};
            socklen_t size = sizeof got;
            line("%s %s", options[i].is, kind_name[kind]);
            RET(call->setsockopt(fd, options[i].level, options[i].name, &on, sizeof on));
            RET(call->getsockopt(fd, options[i].level, options[i].name, got, &size));
            see("%d %d %d", got[0], got[1], (int)size);
            char byte[2] = {9, 9};
            size = 1;
            RET(call->getsockopt(fd, options[i].level, options[i].name, byte, &size));
            see("%d %d %d", byte[0], byte[1], (int)size);
            RET(call->setsockopt(fd, options[i].level, options[i].name, &on, 3));
            want(OK(0) " " OK(0) " 1 -7 4 " OK(0) " 1 9 1 " FAIL(EINVAL));
        }
    }
}

CASE(what_a_socket_is) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        static const int asked[] = {SO_TYPE, SO_ERROR, SO_ACCEPTCONN, SO_DOMAIN, SO_PROTOCOL};
        int fd = two(kind, BLOCKING).here;
        line("%s", kind_name[kind]);
        for (int i = 0; i < 5; i++) {
            int got = -7;
            socklen_t size = sizeof got;
            RET(call->getsockopt(fd, SOL_SOCKET, asked[i], &got, &size));
            see("%d", got);
        }
        RET(call->setsockopt(fd, SOL_SOCKET, SO_TYPE, &(int){1}, 4));
        RET(call->getsockopt(fd, SOL_SOCKET, 9999, &(int){1}, &(socklen_t){4}));
        int type = is_stream(kind) ? SOCK_STREAM : is_datagram(kind) ? SOCK_DGRAM : SOCK_SEQPACKET;
        int domain = kind == TCP6 || kind == UDP6 ? AF_INET6 : is_ip(kind) ? AF_INET : AF_UNIX;
        int protocol = domain == AF_UNIX ? 0 : type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
        want(OK(0) " %d " OK(0) " 0 " OK(0) " 0 " OK(0) " %d " OK(0) " %d " FAIL(ENOPROTOOPT) " " FAIL(ENOPROTOOPT), type, domain, protocol);
    }
}

// SO_ERROR is told once.
CASE(an_error_is_told_once) {
    for (enum kind kind = 0; kind < UNIX_STREAM; kind++) {
        if (kind == TCP4_ACCEPTED) {
            continue;
        }
        for (int by_read = 0; by_read <= 1; by_read++) {
            struct place place = nowhere(kind);
            int fd = lone(kind, NONBLOCK), got = -7;
            socklen_t size = sizeof got;
            line("%s %s", kind_name[kind], by_read ? "by read" : "by SO_ERROR");
            int done = connect(fd, &place.at.any, place.length);
            NEED(is_datagram(kind) ? done == 0 && send(fd, "a", 1, 0) == 1 : done == -1 && errno == EINPROGRESS);
            struct pollfd one = {fd, POLLIN, 0};
            NEED(poll(&one, 1, 5000) == 1);
            if (by_read) {
                do_read(READ, fd, 4, 0);
            } else {
                RET(call->getsockopt(fd, SOL_SOCKET, SO_ERROR, &got, &size));
                see("%s", error_name(got));
            }
            got = -7;
            RET(call->getsockopt(fd, SOL_SOCKET, SO_ERROR, &got, &size));
            see("%d", got);
            do_read(READ, fd, 4, 0);
            const char *first = by_read ? FAIL(ECONNREFUSED) " buf=kept" : OK(0) " ECONNREFUSED";
            want("%s " OK(0) " 0 %s buf=kept", first, is_datagram(kind) ? FAIL(EAGAIN) : "ret=0 errno=kept");
        }
    }
}

CASE(flags_of_reading) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            for (enum reading how = RECV; how < READINGS; how++) {
                struct two pair = two(kind, mode);
                char once[512];
                line("peek %s %s %s", reading_name[how], kind_name[kind], mode_name[mode]);
                put(pair.there, "abc");
                do_read(how, pair.here, 8, MSG_PEEK);
                do_read(how, pair.here, 8, MSG_PEEK | MSG_DONTWAIT);
                see_left(pair.here);
                snprintf(once, sizeof once, "%s", reads(how, kind, "abc"));
                want("%s %s left=abc", once, once);
            }
            struct two pair = two(kind, mode);
            struct buffer buffer = fresh();
            line("trunc %s %s", kind_name[kind], mode_name[mode]);
            put(pair.there, "abcdef");
            RET(call->recv(pair.here, buffer.bytes, 2, MSG_TRUNC));
            see("buf=%s", text_of(&buffer));
            see_left(pair.here);
            // tcp(7): bytes are thrown away, not handed over; messages: the length that was.
            int tcp = is_stream(kind) && is_ip(kind);
            want("ret=%d errno=kept buf=%s left=%s", is_stream(kind) ? 2 : 6, tcp ? "kept" : "ab", is_stream(kind) ? "cdef" : "EAGAIN");

            pair = two(kind, mode);
            buffer = fresh();
            line("error queue %s %s", kind_name[kind], mode_name[mode]);
            put(pair.there, "abc");
            RET(call->recv(pair.here, buffer.bytes, 8, MSG_ERRQUEUE));
            see("buf=%s", text_of(&buffer));
            see_left(pair.here);
            // unix(7) has no such queue: the flag is not looked at.
            if (is_ip(kind)) {
                want(FAIL(EAGAIN) " buf=kept left=abc");
            } else {
                want(OK(3) " buf=abc left=EAGAIN");
            }

            pair = two(kind, mode);
            buffer = fresh();
            line("urgent %s %s", kind_name[kind], mode_name[mode]);
            RET(call->recv(pair.here, buffer.bytes, 8, MSG_OOB | MSG_DONTWAIT));
            errno = UNTOUCHED;
            ssize_t sent = call->send(pair.there, "u", 1, MSG_OOB);
            did(sent);
            if (sent == 1 && is_stream(kind)) {
                struct pollfd one = {pair.here, POLLPRI, 0};
                NEED(poll(&one, 1, 5000) == 1);
                RET(call->recv(pair.here, buffer.bytes, 8, MSG_OOB));
                see("buf=%s", text_of(&buffer));
            }
            if (is_stream(kind)) {
                want(FAIL(EINVAL) " " OK(1) " " OK(1) " buf=u");
            } else if (is_ip(kind)) {
                // udp_sendmsg refuses the flag, udpv6_sendmsg does not look at it (net/ipv4/udp.c, net/ipv6/udp.c at 6.18).
                want(FAIL(EAGAIN) " %s", kind == UDP6 ? OK(1) : FAIL(EOPNOTSUPP));
            } else {
                want(FAIL(EOPNOTSUPP) " " FAIL(EOPNOTSUPP));
            }
        }
    }
}

static void more(void *to) { put(*(int *)to, "def"); }

// MSG_WAITALL waits for all the bytes of a stream, and for one message; a non-blocking socket waits for nothing.
CASE(all_or_what_is_there) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum reading how = RECV; how < READINGS; how++) {
            struct two pair = two(kind, BLOCKING);
            line("%s %s", reading_name[how], kind_name[kind]);
            put(pair.there, "abc");
            if (is_stream(kind)) {
                when_asleep(more, &pair.there);
            }
            do_read(how, pair.here, 6, MSG_WAITALL);
            if (is_stream(kind)) {
                helped();
            }
            want("%s", reads(how, kind, is_stream(kind) ? "abcdef" : "abc"));
            line("%s %s nonblock", reading_name[how], kind_name[kind]);
            pair = two(kind, NONBLOCK);
            put(pair.there, "abc");
            do_read(how, pair.here, 6, MSG_WAITALL);
            want("%s", reads(how, kind, "abc"));
        }
    }
}

// ---- Several messages ----

enum { MESSAGES = 4 };

static void several(int fd, unsigned many, int flags) {
    struct mmsghdr messages[MESSAGES];
    struct iovec pieces[MESSAGES];
    struct buffer buffers[MESSAGES];
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < MESSAGES; i++) {
        buffers[i] = fresh();
        pieces[i] = (struct iovec){buffers[i].bytes, 8};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_len = 77;
    }
    RET(call->recvmmsg(fd, messages, many, flags, NULL));
    for (int i = 0; i < MESSAGES; i++) {
        see("%s/%u", text_of(&buffers[i]), messages[i].msg_len);
    }
}

CASE(messages_at_a_time) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        if (is_stream(kind)) {
            continue;
        }
        struct two pair = two(kind, NONBLOCK);
        line("fewer than room %s", kind_name[kind]);
        put(pair.there, "one");
        put(pair.there, "two");
        several(pair.here, MESSAGES, 0);
        several(pair.here, MESSAGES, 0);
        want(OK(2) " one/3 two/3 kept/77 kept/77 " FAIL(EAGAIN) " kept/77 kept/77 kept/77 kept/77");

        pair = two(kind, BLOCKING);
        line("wait for one %s", kind_name[kind]);
        put(pair.there, "one");
        put(pair.there, "two");
        put(pair.there, "three");
        several(pair.here, MESSAGES, MSG_WAITFORONE);
        want(OK(3) " one/3 two/3 three/5 kept/77");

        pair = two(kind, BLOCKING);
        line("waits for all %s", kind_name[kind]);
        put(pair.there, "one");
        when_asleep(more, &pair.there);
        several(pair.here, 2, 0);
        helped();
        want(OK(2) " one/3 def/3 kept/77 kept/77");

        pair = two(kind, NONBLOCK);
        line("more than there is room for %s", kind_name[kind]);
        put(pair.there, "one");
        put(pair.there, "two");
        put(pair.there, "three");
        several(pair.here, 2, 0);
        see_left(pair.here);
        want(OK(2) " one/3 two/3 kept/77 kept/77 left=three");

        pair = two(kind, NONBLOCK);
        line("none %s", kind_name[kind]);
        put(pair.there, "one");
        several(pair.here, 0, 0);
        see_left(pair.here);
        want(OK(0) " kept/77 kept/77 kept/77 kept/77 left=one");
    }
}

CASE(messages_sent_at_a_time) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            struct two pair = two(kind, mode);
            char *texts[3] = {"one", "two", "three"};
            struct mmsghdr messages[3];
            struct iovec pieces[3];
            memset(messages, 0, sizeof messages);
            for (int i = 0; i < 3; i++) {
                pieces[i] = (struct iovec){texts[i], strlen(texts[i])};
                messages[i].msg_hdr.msg_iov = &pieces[i];
                messages[i].msg_hdr.msg_iovlen = 1;
                messages[i].msg_len = 77;
            }
            line("%s %s", kind_name[kind], mode_name[mode]);
            RET(call->sendmmsg(pair.here, messages, 2, 0));
            see("%u %u %u", messages[0].msg_len, messages[1].msg_len, messages[2].msg_len);
            see_left(pair.there);
            see_left(pair.there);
            // One that is bad ends it: what went is counted.
            messages[1].msg_hdr.msg_iov = memory(PAGE_WITHOUT_RIGHTS);
            messages[1].msg_len = 77;
            RET(call->sendmmsg(pair.here, messages, 3, 0));
            see("%u %u %u", messages[0].msg_len, messages[1].msg_len, messages[2].msg_len);
            see_left(pair.there);
            see_left(pair.there);
            const char *left = is_stream(kind) ? "left=onetwo left=EAGAIN" : "left=one left=two";
            if (is_musl && !call->raw) {
                // musl's is a loop of sendmsg: what errno has after a success is nobody's promise, errno(3).
                want(OK(2) " 3 3 77 %s ret=1 errno=EFAULT 3 77 77 left=one left=EAGAIN || " OK(2) " 3 3 77 %s " OK(1)
                     " 3 77 77 left=one left=EAGAIN", left, left);
            } else {
                want(OK(2) " 3 3 77 %s " OK(1) " 3 77 77 left=one left=EAGAIN", left);
            }
        }
    }
}

// ---- Descriptors as messages ----

static void hand_over(int to, int what, int many) {
    char control[CMSG_SPACE(sizeof(int) * 3)] = {0};
    struct iovec piece = {"d", 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control};
    struct cmsghdr *head = (struct cmsghdr *)(void *)control;
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)many);
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)many);
    for (int i = 0; i < many; i++) {
        ((int *)(void *)CMSG_DATA(head))[i] = what;
    }
    RET(call->sendmsg(to, &message, 0));
}

// Receives, and says how many numbers came, whether they close on exec, and the flags.
static int taken(int from, size_t room, int flags) {
    static char control[CMSG_SPACE(sizeof(int) * 8)];
    char byte = 0;
    struct iovec piece = {&byte, 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
    int first = -1;
    RET(call->recvmsg(from, &message, flags));
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_type == SCM_RIGHTS) {
        int many = (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        first = many > 0 ? ((int *)(void *)CMSG_DATA(head))[0] : -1;
        see("numbers=%d cloexec=%d", many, first >= 0 ? fcntl(first, F_GETFD) : -1);
    }
    see("flags=%x controllen=%d", (unsigned)message.msg_flags, (int)message.msg_controllen);
    return first;
}

CASE(descriptors_travel) {
    for (enum kind kind = UNIX_STREAM; kind < KINDS; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            for (enum kind sent = 0; sent < KINDS; sent += 3) {
                struct two way = two(kind, mode), pair = two(sent, NONBLOCK);
                line("%s %s %s", kind_name[sent], kind_name[kind], mode_name[mode]);
                hand_over(way.there, pair.here, 1);
                call->close(pair.here);
                int came = taken(way.here, CMSG_SPACE(sizeof(int)), MSG_CMSG_CLOEXEC);
                do_read(READ, came, 4, 0);
                put(pair.there, "xy");
                do_read(READ, came, 4, 0);
                RET(call->write(came, "z", 1));
                see_left(pair.there);
                want(OK(1) " " OK(1) " numbers=1 cloexec=1 flags=40000000 controllen=24 " FAIL(EAGAIN) " buf=kept " OK(2) " buf=xy " OK(1) " left=z");
            }
            struct two way = two(kind, mode), pair = two(TCP4, BLOCKING);
            line("room for one of three %s %s", kind_name[kind], mode_name[mode]);
            hand_over(way.there, pair.here, 3);
            taken(way.here, CMSG_LEN(sizeof(int)), 0);
            want(OK(1) " " OK(1) " numbers=1 cloexec=0 flags=8 controllen=20");
            way = two(kind, mode);
            pair = two(TCP4, BLOCKING);
            line("no room %s %s", kind_name[kind], mode_name[mode]);
            hand_over(way.there, pair.here, 2);
            taken(way.here, 0, 0);
            want(OK(1) " " OK(1) " flags=8 controllen=0");
            way = two(kind, mode);
            pair = two(TCP4, BLOCKING);
            line("read takes the byte alone %s %s", kind_name[kind], mode_name[mode]);
            hand_over(way.there, pair.here, 2);
            do_read(READ, way.here, 4, 0);
            want(OK(1) " " OK(1) " buf=d");
        }
    }
}
