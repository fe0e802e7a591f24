// EBADF: every call on numbers that are no descriptor's, and nothing is written through any pointer. ENOTSOCK: the socket calls on
// other files. (Each page's entry for EBADF and ENOTSOCK.)
#include "case.h"
#include "door.h"
#include "io.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

// The calls that take a descriptor but move no bytes of ours, with their out parameters.
enum other { CONNECT, ACCEPT, ACCEPT4, SHUTDOWN, GETSOCKOPT, SETSOCKOPT, DUP, DUP2, DUP3, CLOSE, F_DUP, F_DUP_CLOEXEC, F_GET, F_SET,
             F_OWN, NONBLOCKING, READABLE, CTL_ADD, WAIT, PWAIT, PWAIT2, SENDFILE, SPLICE_IN, SPLICE_OUT, OTHERS };
static const char *const other_name[OTHERS] = {
    "connect", "accept", "accept4", "shutdown", "getsockopt", "setsockopt", "dup", "dup2", "dup3", "close", "F_DUPFD",
    "F_DUPFD_CLOEXEC", "F_GETFL", "F_SETFL", "F_SETOWN", "FIONBIO", "FIONREAD", "EPOLL_CTL_ADD", "epoll_wait", "epoll_pwait",
    "epoll_pwait2", "sendfile", "splice-from", "splice-to"};

static void do_other(enum other which, int fd) {
    struct name name = fresh_name(sizeof name.address);
    struct buffer out = fresh();
    struct place place = {.at.v4 = {.sin_family = AF_INET}, .length = sizeof(struct sockaddr_in)};
    struct epoll_event event = {.events = EPOLLIN};
    struct timespec none = {0, 0};
    socklen_t size = 4;
    off_t at = 1;
    int set = which == CTL_ADD ? epoll_create1(0) : -1, source = which == SENDFILE ? file_with("abc") : -1, ends[2] = {-1, -1};
    if (which == SPLICE_IN || which == SPLICE_OUT) {
        NEED(pipe(ends) == 0 && write(ends[1], "abc", 3) == 3);
    }
    int one = 1;
    switch (which) {
        case CONNECT: RET(call->connect(fd, &place.at, place.length)); break;
        case ACCEPT: RET(call->accept(fd, &name.address, &name.length)); break;
        case ACCEPT4: RET(call->accept4(fd, &name.address, &name.length, SOCK_CLOEXEC)); break;
        case SHUTDOWN: RET(call->shutdown(fd, SHUT_RDWR)); break;
        case GETSOCKOPT: RET(call->getsockopt(fd, SOL_SOCKET, SO_ERROR, out.bytes, &size)); break;
        case SETSOCKOPT: RET(call->setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one)); break;
        case DUP: RET(call->dup(fd)); break;
        case DUP2: RET(call->dup2(fd, 40)); break;
        case DUP3: RET(call->dup3(fd, 40, O_CLOEXEC)); break;
        case CLOSE: RET(call->close(fd)); break;
        case F_DUP: RET(call->fcntl(fd, F_DUPFD, 0)); break;
        case F_DUP_CLOEXEC: RET(call->fcntl(fd, F_DUPFD_CLOEXEC, 0)); break;
        case F_GET: RET(call->fcntl(fd, F_GETFL, 0)); break;
        case F_SET: RET(call->fcntl(fd, F_SETFL, O_NONBLOCK)); break;
        case F_OWN: RET(call->fcntl(fd, F_SETOWN, (uintptr_t)getpid())); break;
        case NONBLOCKING: RET(call->ioctl(fd, FIONBIO, (uintptr_t)&one)); break;
        case READABLE: RET(call->ioctl(fd, FIONREAD, (uintptr_t)out.bytes)); break;
        case CTL_ADD: RET(call->epoll_ctl(set, EPOLL_CTL_ADD, fd, &event)); break;
        case WAIT: RET(call->epoll_wait(fd, (void *)out.bytes, 1, 0)); break;
        case PWAIT: RET(call->epoll_pwait(fd, (void *)out.bytes, 1, 0, NULL)); break;
        case PWAIT2: RET(call->epoll_pwait2(fd, (void *)out.bytes, 1, &none, NULL)); break;
        case SENDFILE: RET(call->sendfile(fd, source, &at, 2)); break;
        case SPLICE_IN: RET(call->splice(fd, NULL, ends[1], NULL, 2, 0)); break;
        default: RET(call->splice(ends[0], NULL, fd, NULL, 2, 0)); break;
    }
    see("out=%s", text_of(&out));
    if (which == ACCEPT || which == ACCEPT4) {
        see_name(&name);
    }
    see("size=%d offset=%d one=%d", (int)size, (int)at, one);
    if (which == SPLICE_OUT) {
        char rest[8] = "";
        NEED(read(ends[0], rest, sizeof rest) >= 0);
        see("pipe=%s", rest);
    }
}

static const char *wanted_of(enum other which, const char *error) {
    static char wanted[128];
    snprintf(wanted, sizeof wanted, "ret=-1 errno=%s out=kept%s size=4 offset=1 one=1%s", error,
             which == ACCEPT || which == ACCEPT4 ? " name=kept/0 namelen=128" : "", which == SPLICE_OUT ? " pipe=abc" : "");
    return wanted;
}

CASE(no_descriptor_to_read_or_write) {
    for (enum number at = 0; at < NUMBERS; at++) {
        for (enum reading how = 0; how < READINGS; how++) {
            line("%s %s", reading_name[how], number_name[at]);
            do_read(how, number(at), 8, 0);
            want("%s", reads_not(how, "EBADF"));
        }
        for (enum writing how = 0; how < WRITINGS; how++) {
            line("%s %s", writing_name[how], number_name[at]);
            do_write(how, number(at), "abc", 0);
            want("%s", writes_not(how, "EBADF"));
        }
    }
}

CASE(no_descriptor_for_anything_else) {
    for (enum number at = 0; at < NUMBERS; at++) {
        for (enum other which = 0; which < OTHERS; which++) {
            line("%s %s", other_name[which], number_name[at]);
            do_other(which, number(at));
            want("%s", wanted_of(which, "EBADF"));
        }
    }
}

// open(2): what was opened with O_PATH is a descriptor for few calls only.
CASE(a_path_only) {
    for (enum reading how = 0; how < READINGS; how++) {
        line("%s", reading_name[how]);
        do_read(how, file(PATH_ONLY), 8, 0);
        want("%s", reads_not(how, "EBADF"));
    }
    for (enum writing how = 0; how < WRITINGS; how++) {
        line("%s", writing_name[how]);
        do_write(how, file(PATH_ONLY), "abc", 0);
        want("%s", writes_not(how, "EBADF"));
    }
}

CASE(a_file_is_no_socket) {
    for (enum file which = 0; which < PATH_ONLY; which++) {
        for (enum reading how = RECV; how < READINGS; how++) {
            line("%s %s", reading_name[how], file_name[which]);
            do_read(how, file(which), 8, 0);
            want("%s", reads_not(how, "ENOTSOCK"));
        }
        for (enum writing how = SEND; how < WRITINGS; how++) {
            line("%s %s", writing_name[how], file_name[which]);
            do_write(how, file(which), "abc", 0);
            want("%s", writes_not(how, "ENOTSOCK"));
        }
        for (enum other how = CONNECT; how <= SETSOCKOPT; how++) {
            line("%s %s", other_name[how], file_name[which]);
            do_other(how, file(which));
            want("%s", wanted_of(how, "ENOTSOCK"));
        }
    }
}

// epoll_wait(2), EINVAL: the number is not an epoll set's.
CASE(a_file_is_no_set) {
    for (enum file which = 0; which < PATH_ONLY; which++) {
        if (which == EPOLL) {
            continue;
        }
        for (enum other how = WAIT; how <= PWAIT2; how++) {
            line("%s %s", other_name[how], file_name[which]);
            do_other(how, file(which));
            want("%s", wanted_of(how, "EINVAL"));
        }
    }
    for (enum kind kind = 0; kind < KINDS; kind++) {
        line("epoll_wait %s", kind_name[kind]);
        do_other(WAIT, two(kind, BLOCKING).here);
        want("%s", wanted_of(WAIT, "EINVAL"));
    }
}

// read(2): EISDIR, EINVAL (an object not suitable for reading; a buffer too small for a signal), EBADF (not open for reading).
CASE(files_that_cannot_be_read) {
    static const char *const errors[FILES] = {
        [PIPE_OUT] = "EBADF", [DIRECTORY] = "EISDIR", [EPOLL] = "EINVAL", [PIDFD] = "EINVAL", [TIMERFD] = "EAGAIN",
        [SIGNALFD] = "EINVAL", [PATH_ONLY] = "EBADF"};
    for (enum file which = 0; which < FILES; which++) {
        for (enum reading how = READ; errors[which] && how <= READV; how++) {
            line("%s %s", reading_name[how], file_name[which]);
            do_read(how, file(which), 16, 0);
            want("%s", reads_not(how, errors[which]));
        }
    }
}

// write(2): EBADF (not open for writing), EINVAL (not suitable for writing).
CASE(files_that_cannot_be_written) {
    static const char *const errors[FILES] = {[PIPE_IN] = "EBADF", [DIRECTORY] = "EBADF", [EPOLL] = "EINVAL",
                                              [PIDFD] = "EINVAL", [TIMERFD] = "EINVAL", [SIGNALFD] = "EINVAL",
                                              [PATH_ONLY] = "EBADF"};
    for (enum file which = 0; which < FILES; which++) {
        for (enum writing how = WRITE; errors[which] && how <= WRITEV; how++) {
            line("%s %s", writing_name[how], file_name[which]);
            do_write(how, file(which), "12345678", 0);
            want("%s", writes_not(how, errors[which]));
        }
    }
}

// A number that was a socket's, with deadlines and all, and is closed.
CASE(a_number_that_was_a_socket) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum reading how = 0; how < READINGS; how++) {
            struct two pair = two(kind, BLOCKING);
            line("%s %s", reading_name[how], kind_name[kind]);
            put(pair.there, "x");
            do_read(how, pair.here, 8, 0);
            close(pair.here);
            do_read(how, pair.here, 8, 0);
            char first[512];
            snprintf(first, sizeof first, "%s", reads(how, kind, "x"));
            want("%s %s", first, reads_not(how, "EBADF"));
        }
    }
}
