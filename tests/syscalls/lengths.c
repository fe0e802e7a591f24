// No bytes at all, too many, and vectors of every length: what is refused, and what is taken along. (read(2), readv(2), recv(2),
// send(2): EINVAL, EMSGSIZE, and the notes on zero.)
#include "case.h"
#include "door.h"
#include "io.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EVERY_KIND(kind, mode)                     \
    for (enum kind kind = 0; kind < KINDS; kind++) \
        for (enum mode mode = 0; mode < MODES; mode++)

// recv(2): a message of which nothing is wanted is gone all the same; read(2) of nothing takes nothing.
CASE(reading_nothing_of_something) {
    EVERY_KIND(kind, mode) {
        for (enum reading how = 0; how < READINGS; how++) {
            struct two pair = two(kind, mode);
            line("%s %s %s", reading_name[how], kind_name[kind], mode_name[mode]);
            put(pair.there, "ab");
            do_read(how, pair.here, 0, 0);
            see_left(pair.here);
            char wanted[512];
            snprintf(wanted, sizeof wanted, "%s", reads(how, kind, ""));
            int message = !is_stream(kind) && how >= RECV;
            char *flags = strstr(wanted, "flags=0");
            if (message && flags) {
                memmove(flags + 8, flags + 7, strlen(flags + 7) + 1);
                memcpy(flags, "flags=20", 8);
            }
            want("%s left=%s", wanted, message ? "EAGAIN" : "ab");
        }
    }
}

CASE(reading_nothing_of_nothing) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum reading how = 0; how < READINGS; how++) {
            line("%s %s", reading_name[how], kind_name[kind]);
            do_read(how, two(kind, NONBLOCK).here, 0, 0);
            want("%s", how <= READV ? reads(how, kind, "") : reads_not(how, "EAGAIN"));
        }
        for (enum reading how = 0; how <= READV; how++) {
            line("%s %s blocking", reading_name[how], kind_name[kind]);
            do_read(how, two(kind, BLOCKING).here, 0, 0);
            want("%s", reads(how, kind, ""));
        }
    }
}

static void say_ab(void *to) { put(*(int *)to, "ab"); }

// A recv of nothing waits until there is something of which to take nothing.
CASE(waiting_for_nothing) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum reading how = RECV; how <= RECVFROM; how++) {
            struct two pair = two(kind, BLOCKING);
            line("%s %s", reading_name[how], kind_name[kind]);
            when_asleep(say_ab, &pair.there);
            do_read(how, pair.here, 0, 0);
            helped();
            see_left(pair.here);
            want("%s left=%s", reads(how, kind, ""), is_stream(kind) ? "ab" : "EAGAIN");
        }
    }
}

CASE(writing_nothing) {
    EVERY_KIND(kind, mode) {
        for (enum writing how = 0; how < WRITINGS; how++) {
            struct two pair = two(kind, mode);
            line("%s %s %s", writing_name[how], kind_name[kind], mode_name[mode]);
            do_write(how, pair.here, "", 0);
            see_left(pair.there);
            // A message of no bytes is a message: it reads as 0, which `left` calls the end. A writev of nothing sends none.
            int message = !is_stream(kind) && how != WRITEV;
            want("%s left=%s", writes(how, ""), message ? "end" : "EAGAIN");
        }
    }
}

CASE(writing_nothing_where_nothing_can_be_written) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum writing how = 0; how < WRITINGS; how++) {
            struct two pair = two(kind, BLOCKING);
            line("%s %s", writing_name[how], kind_name[kind]);
            shutdown(pair.here, SHUT_WR);
            do_write(how, pair.here, "", 0);
            if (how == WRITEV) {
                want("%s", writes(how, ""));
            } else {
                want("%s%s", writes_not(how, "EPIPE"), is_stream(kind) ? " sigpipe=1" : "");
            }
        }
    }
}

CASE(nothing_at_null) {
    EVERY_KIND(kind, mode) {
        struct two pair = two(kind, mode);
        line("%s %s", kind_name[kind], mode_name[mode]);
        put(pair.there, "ab");
        RET(call->read(pair.here, NULL, 0));
        RET(call->readv(pair.here, NULL, 0));
        RET(call->writev(pair.here, NULL, 0));
        RET(call->poll(NULL, 0, 0));
        RET(call->recvmmsg(pair.here, NULL, 0, 0, NULL));
        RET(call->sendmmsg(pair.here, NULL, 0, 0));
        see_left(pair.here);
        want(OK(0) " " OK(0) " " OK(0) " " OK(0) " " OK(0) " " OK(0) " left=ab");
    }
}

// readv(2), EINVAL: a count below 0 or above IOV_MAX; lengths whose sum is too large. recvmsg(2), EMSGSIZE: msg_iovlen.
CASE(vectors_of_odd_lengths) {
    static struct iovec many[1030];
    static struct buffer buffer;
    EVERY_KIND(kind, mode) {
        struct two pair = two(kind, mode);
        buffer = fresh();
        for (int i = 0; i < 1030; i++) {
            many[i] = (struct iovec){buffer.bytes, 0};
        }
        many[1023] = (struct iovec){buffer.bytes, 8};
        put(pair.there, "abcd");
        line("refused %s %s", kind_name[kind], mode_name[mode]);
        RET(call->readv(pair.here, many, -1));
        RET(call->readv(pair.here, many, 1025));
        RET(call->readv(pair.here, many, INT_MAX));
        RET(call->readv(pair.here, many, INT_MIN));
        RET(call->writev(pair.here, many, -1));
        RET(call->writev(pair.here, many, 1025));
        struct msghdr message = {.msg_iov = many, .msg_iovlen = 1025};
        RET(call->recvmsg(pair.here, &message, 0));
        RET(call->sendmsg(pair.here, &message, 0));
        see("buf=%s", text_of(&buffer));
        see_left(pair.here);
        see_left(pair.there);
        want(FAIL(EINVAL) " " FAIL(EINVAL) " " FAIL(EINVAL) " " FAIL(EINVAL) " " FAIL(EINVAL) " " FAIL(EINVAL) " " FAIL(EMSGSIZE) " "
             FAIL(EMSGSIZE) " buf=kept left=abcd left=EAGAIN");

        line("the most %s %s", kind_name[kind], mode_name[mode]);
        pair = two(kind, mode);
        put(pair.there, "abcd");
        RET(call->readv(pair.here, many, 1024));
        see("buf=%s", text_of(&buffer));
        put(pair.there, "efgh");
        message.msg_iovlen = 1024;
        RET(call->recvmsg(pair.here, &message, 0));
        see("buf=%s", text_of(&buffer));
        RET(call->writev(pair.here, many, 1024));
        many[1023].iov_len = 3;
        RET(call->sendmsg(pair.here, &message, 0));
        want(OK(4) " buf=abcd " OK(4) " buf=efgh " OK(8) " " OK(3));

        line("too much %s %s", kind_name[kind], mode_name[mode]);
        pair = two(kind, mode);
        put(pair.there, "abcd");
        buffer = fresh();
        struct iovec negative[2] = {{buffer.bytes, 1}, {buffer.bytes, (size_t)SSIZE_MAX + 1}};
        message = (struct msghdr){.msg_iov = negative, .msg_iovlen = 2};
        RET(call->readv(pair.here, negative, 2));
        RET(call->recvmsg(pair.here, &message, 0));
        RET(call->writev(pair.here, negative, 2));
        RET(call->sendmsg(pair.here, &message, 0));
        see("buf=%s", text_of(&buffer));
        want(FAIL(EINVAL) " " FAIL(EINVAL) " " FAIL(EINVAL) " " FAIL(EINVAL) " buf=kept");
    }
}

// read(2): above SSIZE_MAX the result is the implementation's. Linux looks at the whole range first: past the user's half of the
// addresses it is EFAULT. recv(2) takes no more than 0x7ffff000 in one call, and looks at that.
CASE(huge_lengths) {
    static const size_t lengths[] = {SIZE_MAX, (size_t)SSIZE_MAX + 1, SSIZE_MAX, (size_t)1 << 47, 0x80000000u, 0x7ffff000u};
    static const char *const names[] = {"SIZE_MAX", "SSIZE_MAX+1", "SSIZE_MAX", "2^47", "2^31", "MAX_RW_COUNT"};
    // A buffer with room below and above: nothing that is read is longer than the few bytes that were sent.
    unsigned char *bytes = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EVERY_KIND(kind, mode) {
        for (int i = 0; i < 6; i++) {
            struct two pair = two(kind, mode);
            int far_ = lengths[i] >= (size_t)1 << 47;
            memset(bytes, 0, 8);
            line("read %s %s %s", kind_name[kind], mode_name[mode], names[i]);
            put(pair.there, "abcd");
            RET(call->read(pair.here, bytes, lengths[i]));
            see("buf=%.8s", (char *)bytes);
            see_left(pair.here);
            if (far_) {
                want(FAIL(EFAULT) " buf= left=abcd");
            } else {
                want(OK(4) " buf=abcd left=EAGAIN");
            }
            memset(bytes, 0, 8);
            line("recv %s %s %s", kind_name[kind], mode_name[mode], names[i]);
            pair = two(kind, mode);
            put(pair.there, "abcd");
            RET(call->recv(pair.here, bytes, lengths[i], 0));
            see("buf=%.8s", (char *)bytes);
            want(OK(4) " buf=abcd");
        }
    }
    munmap(bytes, 8192);
}

// The same for writes: nothing of it is sent.
CASE(huge_writes) {
    unsigned char *bytes = edge(16);
    EVERY_KIND(kind, mode) {
        struct two pair = two(kind, mode);
        line("%s %s", kind_name[kind], mode_name[mode]);
        RET(call->write(pair.here, bytes, SIZE_MAX));
        RET(call->write(pair.here, bytes, (size_t)SSIZE_MAX + 1));
        RET(call->write(pair.here, bytes, (size_t)1 << 47));
        see_left(pair.there);
        want(FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT) " left=EAGAIN");
    }
}

// send(2), EMSGSIZE: a message that the protocol cannot carry in one piece.
CASE(messages_that_are_too_long) {
    static char long_[300000];
    for (enum kind kind = UDP4; kind <= UDP6; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            struct two pair = two(kind, mode);
            struct iovec pieces[2] = {{long_, 40000}, {long_, 40000}};
            struct mmsghdr message = {.msg_hdr = {.msg_iov = pieces, .msg_iovlen = 2}, .msg_len = 77};
            line("%s %s", kind_name[kind], mode_name[mode]);
            RET(call->write(pair.here, long_, 80000));
            RET(call->writev(pair.here, pieces, 2));
            RET(call->send(pair.here, long_, 80000, 0));
            RET(call->sendto(pair.here, long_, 80000, 0, NULL, 0));
            RET(call->sendmsg(pair.here, &message.msg_hdr, 0));
            RET(call->sendmmsg(pair.here, &message, 1, 0));
            see_left(pair.there);
            want(FAIL(EMSGSIZE) " " FAIL(EMSGSIZE) " " FAIL(EMSGSIZE) " " FAIL(EMSGSIZE) " " FAIL(EMSGSIZE) " " FAIL(EMSGSIZE)
                 " left=EAGAIN");
        }
    }
    for (enum kind kind = UNIX_DGRAM; kind <= UNIX_SEQPACKET; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            struct two pair = two(kind, mode);
            int small = 4096;
            setsockopt(pair.here, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
            line("%s %s", kind_name[kind], mode_name[mode]);
            RET(call->write(pair.here, long_, sizeof long_));
            RET(call->send(pair.here, long_, sizeof long_, 0));
            want(FAIL(EMSGSIZE) " " FAIL(EMSGSIZE));
        }
    }
}
