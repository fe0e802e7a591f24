// splice, sendfile and preadv2 on sockets: what arrives, what is left in the file and the pipe, offsets, and what is refused.
// (splice(2), sendfile(2), preadv2(2).)
#include "case.h"
#include "door.h"
#include "io.h"
#include "place.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

// musl has no name for it.
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

#define STREAMS(kind, mode)                        \
    for (enum kind kind = 0; kind < KINDS; kind++) \
        for (enum mode mode = 0; mode < MODES; mode++)

CASE(a_file_is_sent) {
    STREAMS(kind, mode) {
        if (!is_stream(kind)) {
            continue;
        }
        struct two pair = two(kind, mode);
        int from = file_with("abcdef");
        off_t at = 2;
        line("by its own position %s %s", kind_name[kind], mode_name[mode]);
        RET(call->sendfile(pair.here, from, NULL, 4));
        see("at=%d", (int)lseek(from, 0, SEEK_CUR));
        see_left(pair.there);
        RET(call->sendfile(pair.here, from, NULL, 100));
        RET(call->sendfile(pair.here, from, NULL, 100));
        RET(call->sendfile(pair.here, from, NULL, 0));
        see_left(pair.there);
        want(OK(4) " at=4 left=abcd " OK(2) " " OK(0) " " OK(0) " left=ef");

        pair = two(kind, mode);
        from = file_with("abcdef");
        line("by an offset %s %s", kind_name[kind], mode_name[mode]);
        RET(call->sendfile(pair.here, from, &at, 3));
        see("offset=%d at=%d", (int)at, (int)lseek(from, 0, SEEK_CUR));
        see_left(pair.there);
        at = -1;
        RET(call->sendfile(pair.here, from, &at, 3));
        see("offset=%d", (int)at);
        RET(call->sendfile(pair.here, from, memory(AT_ONE), 3));
        RET(call->sendfile(pair.here, pair.there, NULL, 3));
        RET(call->sendfile(pair.here, 59, NULL, 3));
        want(OK(3) " offset=5 at=0 left=cde " FAIL(EINVAL) " offset=-1 " FAIL(EFAULT) " " FAIL(EINVAL) " " FAIL(EBADF));

        pair = two(kind, mode);
        from = file_with("abc");
        line("after a shutdown %s %s", kind_name[kind], mode_name[mode]);
        shutdown(pair.here, SHUT_WR);
        RET(call->sendfile(pair.here, from, NULL, 3));
        want(FAIL(EPIPE) " sigpipe=1");
    }
}

static void into(int fd, const char *text) { NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text)); }

static void feed(void *to) { into(*(int *)to, "later"); }

CASE(from_a_pipe) {
    STREAMS(kind, mode) {
        if (!is_stream(kind)) {
            continue;
        }
        struct two pair = two(kind, mode);
        int ends[2], held = -1;
        line("less than it has %s %s", kind_name[kind], mode_name[mode]);
        NEED(pipe(ends) == 0);
        into(ends[1], "abcdef");
        RET(call->splice(ends[0], NULL, pair.here, NULL, 4, 0));
        see_left(pair.there);
        ioctl(ends[0], FIONREAD, &held);
        see("pipe=%d", held);
        want(OK(4) " left=abcd pipe=2");

        pair = two(kind, mode);
        line("more than it has %s %s", kind_name[kind], mode_name[mode]);
        NEED(pipe(ends) == 0);
        into(ends[1], "abc");
        RET(call->splice(ends[0], NULL, pair.here, NULL, 4000, 0));
        see_left(pair.there);
        RET(call->splice(ends[0], NULL, pair.here, NULL, 4000, SPLICE_F_NONBLOCK));
        close(ends[1]);
        RET(call->splice(ends[0], NULL, pair.here, NULL, 4000, 0));
        want(OK(3) " left=abc " FAIL(EAGAIN) " " OK(0));

        pair = two(kind, mode);
        line("it waits for the pipe %s %s", kind_name[kind], mode_name[mode]);
        NEED(pipe(ends) == 0);
        when_asleep(feed, &ends[1]);
        RET(call->splice(ends[0], NULL, pair.here, NULL, 4000, 0));
        helped();
        see_left(pair.there);
        want(OK(5) " left=later");

        pair = two(kind, mode);
        line("after a shutdown %s %s", kind_name[kind], mode_name[mode]);
        NEED(pipe(ends) == 0);
        into(ends[1], "abc");
        shutdown(pair.here, SHUT_WR);
        RET(call->splice(ends[0], NULL, pair.here, NULL, 3, 0));
        want(FAIL(EPIPE) "%s", " sigpipe=1");
    }
}

CASE(into_a_pipe) {
    STREAMS(kind, mode) {
        if (!is_stream(kind)) {
            continue;
        }
        struct two pair = two(kind, mode);
        int ends[2];
        char text[16] = "";
        line("what is there %s %s", kind_name[kind], mode_name[mode]);
        NEED(pipe(ends) == 0);
        put(pair.there, "abcdef");
        RET(call->splice(pair.here, NULL, ends[1], NULL, 4, 0));
        NEED(read(ends[0], text, sizeof text - 1) == 4);
        see("pipe=%s", text);
        see_left(pair.here);
        want(OK(4) " pipe=abcd left=ef");

        pair = two(kind, mode);
        line("the end %s %s", kind_name[kind], mode_name[mode]);
        NEED(pipe(ends) == 0);
        shutdown(pair.there, SHUT_WR);
        RET(call->splice(pair.here, NULL, ends[1], NULL, 4, 0));
        want(OK(0));

        pair = two(kind, mode);
        line("nothing is there %s %s", kind_name[kind], mode_name[mode]);
        NEED(pipe(ends) == 0);
        // tcp_splice_read does not look at the flag, and would wait (net/ipv4/tcp.c at 6.18).
        RET(call->splice(pair.here, NULL, ends[1], NULL, 4, is_ip(kind) && mode == BLOCKING ? 0xffff : SPLICE_F_NONBLOCK));
        if (mode == NONBLOCK) {
            RET(call->splice(pair.here, NULL, ends[1], NULL, 4, 0));
        } else {
            when_asleep(feed, &pair.there);
            RET(call->splice(pair.here, NULL, ends[1], NULL, 4, 0));
            helped();
        }
        if (mode == NONBLOCK) {
            want(FAIL(EAGAIN) " " FAIL(EAGAIN));
        } else {
            want("ret=-1 errno=%s " OK(4), is_ip(kind) ? "EINVAL" : "EAGAIN");
        }

        pair = two(kind, mode);
        off_t at = 0;
        line("refused %s %s", kind_name[kind], mode_name[mode]);
        NEED(pipe(ends) == 0);
        put(pair.there, "abc");
        RET(call->splice(pair.here, &at, ends[1], NULL, 4, 0));
        RET(call->splice(pair.here, NULL, ends[1], &at, 4, 0));
        RET(call->splice(pair.here, NULL, pair.there, NULL, 4, 0));
        RET(call->splice(pair.here, NULL, ends[0], NULL, 4, 0));
        RET(call->splice(pair.here, NULL, ends[1], NULL, 4, 0xffff));
        RET(call->splice(pair.here, NULL, ends[1], NULL, 0, 0));
        RET(call->splice(59, NULL, ends[1], NULL, 4, 0));
        see_left(pair.here);
        // splice(2) has ESPIPE for the socket's offset too; do_splice answers EINVAL (fs/splice.c at 6.18).
        want(FAIL(EINVAL) " " FAIL(ESPIPE) " " FAIL(EINVAL) " " FAIL(EBADF) " " FAIL(EINVAL) " " OK(0) " " FAIL(EBADF) " left=abc");
    }
}

// At offset -1 they are readv and writev; at another a socket has no place.
CASE(by_offset) {
    STREAMS(kind, mode) {
        struct two pair = two(kind, mode);
        struct buffer buffer = fresh();
        struct iovec piece = {buffer.bytes, 8}, text = {"xyz", 3};
        line("%s %s", kind_name[kind], mode_name[mode]);
        put(pair.there, "abc");
        RET(call->preadv2(pair.here, &piece, 1, 0, 0));
        RET(call->preadv2(pair.here, &piece, 1, -1, 0));
        see("buf=%s", text_of(&buffer));
        RET(call->pwritev2(pair.here, &text, 1, 0, 0));
        RET(call->pwritev2(pair.here, &text, 1, -1, 0));
        see_left(pair.there);
        RET(call->preadv2(pair.here, &piece, 1, -1, RWF_NOWAIT));
        RET(call->preadv2(pair.here, &piece, 1, -1, 0x40000000));
        want(FAIL(ESPIPE) " " OK(3) " buf=abc " FAIL(ESPIPE) " " OK(3) " left=xyz " FAIL(EAGAIN) " " FAIL(EOPNOTSUPP));
    }
}
