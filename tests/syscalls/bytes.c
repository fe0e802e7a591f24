// Bytes go from one socket to another by each of the calls, in both modes, and the ends of a connection: 0, EPIPE and SIGPIPE,
// ECONNRESET, ENOTCONN, EDESTADDRREQ. (recv(2), send(2), read(2), write(2), tcp(7), udp(7), unix(7).)
#include "case.h"
#include "door.h"
#include "io.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define EVERY_KIND(kind, mode)                       \
    for (enum kind kind = 0; kind < KINDS; kind++)   \
        for (enum mode mode = 0; mode < MODES; mode++)

CASE(what_was_sent_is_read) {
    EVERY_KIND(kind, mode) {
        for (enum reading how = 0; how < READINGS; how++) {
            struct two pair = two(kind, mode);
            line("%s %s %s", reading_name[how], kind_name[kind], mode_name[mode]);
            put(pair.there, "abcde");
            do_read(how, pair.here, 16, 0);
            see_left(pair.here);
            want("%s left=EAGAIN", reads(how, kind, "abcde"));
        }
    }
}

CASE(what_is_written_arrives) {
    EVERY_KIND(kind, mode) {
        for (enum writing how = 0; how < WRITINGS; how++) {
            struct two pair = two(kind, mode);
            line("%s %s %s", writing_name[how], kind_name[kind], mode_name[mode]);
            do_write(how, pair.here, "abcde", 0);
            see_left(pair.there);
            want("%s left=abcde", writes(how, "abcde"));
        }
    }
}

// recv(2), EAGAIN: non-blocking, and nothing is there; or MSG_DONTWAIT.
CASE(nothing_is_there) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum reading how = 0; how < READINGS; how++) {
            line("%s %s", reading_name[how], kind_name[kind]);
            do_read(how, two(kind, NONBLOCK).here, 8, 0);
            want("%s", reads_not(how, "EAGAIN"));
        }
        for (enum reading how = RECV; how < READINGS; how++) {
            line("%s %s MSG_DONTWAIT", reading_name[how], kind_name[kind]);
            do_read(how, two(kind, BLOCKING).here, 8, MSG_DONTWAIT);
            want("%s", reads_not(how, "EAGAIN"));
        }
    }
}

// recv(2): what has no room is left (streams) or dropped (messages).
CASE(less_room_than_bytes) {
    EVERY_KIND(kind, mode) {
        for (enum reading how = 0; how < READINGS; how++) {
            struct two pair = two(kind, mode);
            line("%s %s %s", reading_name[how], kind_name[kind], mode_name[mode]);
            put(pair.there, "abcdefgh");
            char first[512];
            do_read(how, pair.here, 3, 0);
            see_left(pair.here);
            snprintf(first, sizeof first, "%s", reads(how, kind, "abc"));
            char *flags = strstr(first, "flags=");
            if (flags && !is_stream(kind)) {
                // recvmsg(2): MSG_TRUNC says so.
                memmove(flags + 8, flags + 7, strlen(flags + 7) + 1);
                flags[6] = '2';
                flags[7] = '0';
            }
            want("%s left=%s", first, is_stream(kind) ? "defgh" : "EAGAIN");
        }
    }
}

// recv(2): 0 when the peer has shut down its sending side.
CASE(the_peer_has_ended) {
    EVERY_KIND(kind, mode) {
        if (kind == UDP4 || kind == UDP6 || kind == UNIX_DGRAM) {
            continue;
        }
        for (enum reading how = 0; how < READINGS; how++) {
            struct two pair = two(kind, mode);
            line("%s %s %s", reading_name[how], kind_name[kind], mode_name[mode]);
            put(pair.there, "ab");
            shutdown(pair.there, SHUT_WR);
            do_read(how, pair.here, 8, 0);
            char first[512];
            snprintf(first, sizeof first, "%s", reads(how, kind, "ab"));
            do_read(how, pair.here, 8, 0);
            // The end has no sender.
            enum kind nameless = kind == UNIX_PATH ? UNIX_STREAM : kind;
            want("%s %s", first, reads(how, nameless, ""));
        }
    }
}

// send(2), EPIPE: shut down for sending. SIGPIPE unless MSG_NOSIGNAL.
CASE(shut_down_for_sending) {
    EVERY_KIND(kind, mode) {
        for (enum writing how = 0; how < WRITINGS; how++) {
            struct two pair = two(kind, mode);
            line("%s %s %s", writing_name[how], kind_name[kind], mode_name[mode]);
            NEED(shutdown(pair.here, SHUT_WR) == 0);
            do_write(how, pair.here, "abc", 0);
            // send(2) speaks of every connection-oriented socket; Linux raises the signal for streams only (unix_dgram_sendmsg, which
            // is also seqpacket's, in net/unix/af_unix.c at 6.18 has no send_sig).
            want("%s%s", writes_not(how, "EPIPE"), is_stream(kind) ? " sigpipe=1" : "");
        }
        for (enum writing how = SEND; how < WRITINGS; how++) {
            struct two pair = two(kind, mode);
            line("%s %s %s MSG_NOSIGNAL", writing_name[how], kind_name[kind], mode_name[mode]);
            shutdown(pair.here, SHUT_WR);
            do_write(how, pair.here, "abc", MSG_NOSIGNAL);
            want("%s", writes_not(how, "EPIPE"));
        }
    }
}

// The peer closed: a unix socket hears it at once, TCP after its first write.
CASE(the_peer_is_gone) {
    EVERY_KIND(kind, mode) {
        if (kind == UDP4 || kind == UDP6) {
            continue;
        }
        for (enum writing how = 0; how < WRITINGS; how++) {
            struct two pair = two(kind, mode);
            line("%s %s %s", writing_name[how], kind_name[kind], mode_name[mode]);
            close(pair.there);
            if (is_ip(kind)) {
                char first[64];
                do_write(how, pair.here, "abc", 0);
                snprintf(first, sizeof first, "%s", writes(how, "abc"));
                do_write(how, pair.here, "abc", 0);
                want("%s %s sigpipe=1", first, writes_not(how, "EPIPE"));
            } else {
                do_write(how, pair.here, "abc", 0);
                want("%s%s", writes_not(how, kind == UNIX_DGRAM ? "ECONNREFUSED" : "EPIPE"), is_stream(kind) ? " sigpipe=1" : "");
            }
        }
    }
}

// send(2), ECONNRESET; recv: once, then the end.
CASE(the_peer_has_reset) {
    EVERY_KIND(kind, mode) {
        if (kind > TCP6) {
            continue;
        }
        struct linger at_once = {1, 0};
        for (enum writing how = 0; how < WRITINGS; how++) {
            struct two pair = two(kind, mode);
            line("%s %s %s", writing_name[how], kind_name[kind], mode_name[mode]);
            setsockopt(pair.there, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            close(pair.there);
            do_write(how, pair.here, "abc", 0);
            char first[64];
            snprintf(first, sizeof first, "%s", writes_not(how, "ECONNRESET"));
            do_write(how, pair.here, "abc", 0);
            want("%s %s sigpipe=1", first, writes_not(how, "EPIPE"));
        }
        for (enum reading how = 0; how < READINGS; how++) {
            struct two pair = two(kind, mode);
            line("%s %s %s", reading_name[how], kind_name[kind], mode_name[mode]);
            setsockopt(pair.there, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
            close(pair.there);
            do_read(how, pair.here, 8, 0);
            char first[512];
            snprintf(first, sizeof first, "%s", reads_not(how, "ECONNRESET"));
            do_read(how, pair.here, 8, 0);
            want("%s %s", first, reads(how, kind, ""));
        }
    }
}

// A unix stream whose peer closed with bytes unread: ECONNRESET (unix(7)).
CASE(the_peer_left_bytes_unread) {
    for (enum mode mode = 0; mode < MODES; mode++) {
        for (enum reading how = 0; how < READINGS; how++) {
            struct two pair = two(UNIX_STREAM, mode);
            line("%s %s", reading_name[how], mode_name[mode]);
            put(pair.here, "unread");
            close(pair.there);
            do_read(how, pair.here, 8, 0);
            char first[512];
            snprintf(first, sizeof first, "%s", reads_not(how, "ECONNRESET"));
            do_read(how, pair.here, 8, 0);
            want("%s %s", first, reads(how, UNIX_STREAM, ""));
        }
    }
}

// recv(2), ENOTCONN and EINVAL; send(2), ENOTCONN, EPIPE and EDESTADDRREQ.
CASE(connected_to_nobody) {
    static const char *const reading_error[KINDS] = {"ENOTCONN", "", "ENOTCONN", "EAGAIN", "EAGAIN", "EINVAL", "EINVAL", "EAGAIN", "ENOTCONN"};
    static const char *const writing_error[KINDS] = {"EPIPE", "", "EPIPE", "EDESTADDRREQ", "EDESTADDRREQ", "ENOTCONN", "ENOTCONN", "ENOTCONN",
                                                     "ENOTCONN"};
    EVERY_KIND(kind, mode) {
        if (kind == TCP4_ACCEPTED) {
            continue;
        }
        for (enum reading how = 0; how < READINGS; how++) {
            // A datagram socket may wait for anybody.
            if (mode == NONBLOCK || !is_datagram(kind)) {
                line("%s %s %s", reading_name[how], kind_name[kind], mode_name[mode]);
                do_read(how, lone(kind, mode), 8, 0);
                want("%s", reads_not(how, reading_error[kind]));
            }
        }
        for (enum writing how = 0; how < WRITINGS; how++) {
            line("%s %s %s", writing_name[how], kind_name[kind], mode_name[mode]);
            do_write(how, lone(kind, mode), "abc", 0);
            want("%s%s", writes_not(how, writing_error[kind]), kind <= TCP6 ? " sigpipe=1" : "");
        }
    }
}

CASE(a_listener_moves_no_bytes) {
    EVERY_KIND(kind, mode) {
        struct place place;
        if (kind == TCP4_ACCEPTED || is_datagram(kind)) {
            continue;
        }
        for (enum reading how = 0; how < READINGS; how++) {
            line("%s %s %s", reading_name[how], kind_name[kind], mode_name[mode]);
            do_read(how, listening(kind, mode, 1, &place), 8, 0);
            want("%s", reads_not(how, is_stream(kind) && !is_ip(kind) ? "EINVAL" : "ENOTCONN"));
        }
        for (enum writing how = 0; how < WRITINGS; how++) {
            line("%s %s %s", writing_name[how], kind_name[kind], mode_name[mode]);
            do_write(how, listening(kind, mode, 1, &place), "abc", 0);
            want("%s%s", writes_not(how, is_ip(kind) ? "EPIPE" : "ENOTCONN"), is_ip(kind) ? " sigpipe=1" : "");
        }
    }
}

// Shut down for reading: what is there is read, then 0 (tcp, unix streams); nothing waits.
CASE(shut_down_for_reading) {
    EVERY_KIND(kind, mode) {
        if (!is_stream(kind)) {
            continue;
        }
        for (enum reading how = 0; how < READINGS; how++) {
            struct two pair = two(kind, mode);
            line("%s %s %s", reading_name[how], kind_name[kind], mode_name[mode]);
            put(pair.there, "ab");
            shutdown(pair.here, SHUT_RD);
            do_read(how, pair.here, 8, 0);
            char first[512];
            snprintf(first, sizeof first, "%s", reads(how, kind, "ab"));
            do_read(how, pair.here, 8, 0);
            want("%s %s", first, reads(how, kind == UNIX_PATH ? UNIX_STREAM : kind, ""));
        }
    }
}

// A refused datagram's error comes with the next call, whichever it is, and once (udp(7)).
CASE(a_refused_datagram) {
    for (enum mode mode = 0; mode < MODES; mode++) {
        for (enum kind kind = UDP4; kind <= UDP6; kind++) {
            for (enum reading how = 0; how < READINGS; how++) {
                struct two pair = two(kind, mode);
                line("%s %s %s", reading_name[how], kind_name[kind], mode_name[mode]);
                close(pair.there);
                put(pair.here, "x");
                do_read(how, pair.here, 8, 0);
                want("%s", reads_not(how, "ECONNREFUSED"));
            }
            for (enum writing how = 0; how < WRITINGS; how++) {
                struct two pair = two(kind, mode);
                line("%s %s %s", writing_name[how], kind_name[kind], mode_name[mode]);
                close(pair.there);
                put(pair.here, "x");
                do_write(how, pair.here, "abc", 0);
                want("%s", writes_not(how, "ECONNREFUSED"));
            }
        }
    }
}
