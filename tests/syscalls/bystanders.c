// Files with a place of their own, through calls that we stand for: they concern no socket, and answer as the kernel has it. (read(2),
// write(2), preadv2(2), lseek(2), dup(2), fcntl(2), memfd_create(2), sendfile(2), splice(2), null(4).) What is no file: pipes.c and
// events.c; what refuses because it is no socket: bad_numbers.c.
#include "case.h"
#include "door.h"
#include "io.h"
#include "place.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef RWF_APPEND
#define RWF_APPEND 16
#endif
#ifndef RWF_HIPRI
#define RWF_HIPRI 1
#endif

enum { IN_DIRECTORY, IN_MEMORY, PLACES };
static const char *const place_name[PLACES] = {"a file", "a memfd"};

// One with this text, at its beginning.
static int text_in(int where, const char *text) {
    if (where == IN_DIRECTORY) {
        return file_with(text);
    }
    int fd = memfd_create("text", MFD_ALLOW_SEALING);
    NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text) && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static int at(int fd) { return (int)lseek(fd, 0, SEEK_CUR); }

static void see_whole(int fd) {
    char text[256] = "";
    NEED(pread(fd, text, sizeof text - 1, 0) >= 0);
    see("file=%s", text);
}

CASE(read_in_pieces) {
    for (int where = 0; where < PLACES; where++) {
        for (enum reading how = READ; how <= READV; how++) {
            int fd = text_in(where, "abcdefgh");
            line("%s %s", reading_name[how], place_name[where]);
            do_read(how, fd, 3, 0);
            see("at=%d", at(fd));
            do_read(how, fd, 0, 0);
            see("at=%d", at(fd));
            do_read(how, fd, 90, 0);
            see("at=%d", at(fd));
            do_read(how, fd, 90, 0);
            see("at=%d", at(fd));
            want(OK(3) " buf=abc at=3 " OK(0) " buf=kept at=3 " OK(5) " buf=defgh at=8 " OK(0) " buf=kept at=8");
        }
    }
}

CASE(written_in_pieces) {
    for (int where = 0; where < PLACES; where++) {
        for (enum writing how = WRITE; how <= WRITEV; how++) {
            int fd = text_in(where, "abcdefgh");
            line("%s %s", writing_name[how], place_name[where]);
            do_write(how, fd, "XY", 0);
            see("at=%d", at(fd));
            do_write(how, fd, "", 0);
            NEED(lseek(fd, 10, SEEK_SET) == 10);
            do_write(how, fd, "Z", 0);
            see("at=%d size=%d", at(fd), (int)lseek(fd, 0, SEEK_END));
            NEED(call->fcntl(fd, F_SETFL, O_APPEND) == 0 && lseek(fd, 1, SEEK_SET) == 1);
            do_write(how, fd, "!", 0);
            see("at=%d", at(fd));
            see_whole(fd);
            // The hole ends the text.
            want(OK(2) " at=2 " OK(0) " " OK(1) " at=11 size=11 " OK(1) " at=12 file=XYcdefgh");
        }
    }
}

CASE(at_a_place) {
    for (int where = 0; where < PLACES; where++) {
        struct buffer buffer = fresh();
        struct iovec pieces[2] = {{buffer.bytes, 2}, {buffer.bytes + 2, 2}}, text[2] = {{"1", 1}, {"23", 2}};
        int fd = text_in(where, "abcdefgh");
        line("%s", place_name[where]);
        RET(call->preadv2(fd, pieces, 2, 3, 0));
        see("buf=%s at=%d", text_of(&buffer), at(fd));
        RET(call->preadv2(fd, pieces, 1, -1, 0));
        see("buf=%s at=%d", text_of(&buffer), at(fd));
        RET(call->pwritev2(fd, text, 2, 5, 0));
        see("at=%d", at(fd));
        RET(call->pwritev2(fd, text, 2, -1, 0));
        see("at=%d", at(fd));
        RET(call->pwritev2(fd, text, 1, 0, RWF_APPEND));
        see("at=%d", at(fd));
        RET(call->preadv2(fd, pieces, 1, -2, 0));
        RET(call->preadv2(fd, pieces, 1, 0, 0x40000000));
        see_whole(fd);
        // With RWF_APPEND the place is only where the offset is taken from (preadv2(2)).
        want(OK(4) " buf=defg at=0 " OK(2) " buf=abfg at=2 " OK(3) " at=2 " OK(3) " at=5 " OK(1) " at=5 " FAIL(EINVAL) " "
             FAIL(EOPNOTSUPP) " file=ab1231231");
    }
}

// readv(2): none, too many, one that is not there.
CASE(vectors) {
    for (int where = 0; where < PLACES; where++) {
        static struct iovec many[1025];
        struct buffer buffer = fresh();
        struct iovec broken_[2] = {{buffer.bytes, 2}, {memory(PAGE_WITHOUT_RIGHTS), 2}}, negative = {buffer.bytes, (size_t)-1};
        int fd = text_in(where, "abcdefgh");
        line("%s", place_name[where]);
        RET(call->readv(fd, many, 0));
        RET(call->readv(fd, many, 1025));
        RET(call->readv(fd, many, -1));
        RET(call->readv(fd, broken_, 2));
        see("buf=%s at=%d", text_of(&buffer), at(fd));
        RET(call->readv(fd, broken_ + 1, 1));
        RET(call->readv(fd, &negative, 1));
        RET(call->readv(fd, memory(AT_ONE), 1));
        RET(call->writev(fd, many, 0));
        RET(call->writev(fd, many, 1025));
        RET(call->writev(fd, broken_ + 1, 1));
        RET(call->read(fd, memory(AT_NULL), 4));
        RET(call->write(fd, memory(AT_NULL), 4));
        see("at=%d", at(fd));
        see_whole(fd);
        want(OK(0) " " FAIL(EINVAL) " " FAIL(EINVAL) " " OK(2) " buf=ab at=2 " FAIL(EFAULT) " " FAIL(EINVAL) " " FAIL(EFAULT) " " OK(0)
             " " FAIL(EINVAL) " " FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT) " at=2 file=abcdefgh");
    }
}

// dup(2): one place for all numbers of a description, another for each open.
CASE(numbers_share_a_place) {
    for (int where = 0; where < PLACES; where++) {
        char bytes[4];
        int fd = text_in(where, "abcdefgh");
        line("%s", place_name[where]);
        int copy = call->dup(fd), onto = call->dup2(fd, 50), closing = call->dup3(fd, 51, O_CLOEXEC);
        int from = call->fcntl(fd, F_DUPFD, 52), cloexec = call->fcntl(fd, F_DUPFD_CLOEXEC, 53);
        see("%d,%d,%d,%d", onto, closing, from, cloexec);
        const int all[] = {copy, onto, closing, from, cloexec};
        for (int i = 0; i < 5; i++) {
            RET(call->read(all[i], bytes, 1));
            see("%c%d%s", bytes[0], at(fd), call->fcntl(all[i], F_GETFD, 0) ? "c" : "");
        }
        RET(call->fcntl(onto, F_SETFL, O_NONBLOCK | O_APPEND));
        see("flags=%s", call->fcntl(fd, F_GETFL, 0) & O_APPEND ? "append" : "none");
        RET(call->close(fd));
        RET(call->read(copy, bytes, 1));
        RET(call->close_range(50, 53, 0));
        RET(call->read(onto, bytes, 1));
        RET(call->read(copy, bytes, 1));
        want("50,51,52,53 " OK(1) " a1 " OK(1) " b2 " OK(1) " c3c " OK(1) " d4 " OK(1) " e5c " OK(0) " flags=append " OK(0) " " OK(1) " " OK(0)
             " " FAIL(EBADF) " " OK(1));
    }
}

// ---- A number that was a socket's ----

static void into_the_number(int fd, int how, int other) {
    if (how == 0) {
        NEED(call->close(fd) == 0 && call->dup(other) == fd);
    } else if (how == 1) {
        NEED(call->dup2(other, fd) == fd);
    } else if (how == 2) {
        NEED(call->dup3(other, fd, O_CLOEXEC) == fd);
    } else {
        NEED(call->close_range((unsigned)fd, (unsigned)fd, 0) == 0 && call->fcntl(other, F_DUPFD, fd) == fd);
    }
}

CASE(a_number_that_was_a_socket) {
    static const char *const ways[] = {"close", "dup2", "dup3", "close_range"};
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (int how = 0; how < 4; how++) {
            struct two pair = two(kind, BLOCKING);
            int other = file_with("abcdefgh"), ends[2], socket_error = 0;
            socklen_t size = sizeof socket_error;
            struct pollfd one;
            // It was used, and waited on: whatever is known of the number is known.
            if (is_stream(kind)) {
                put(pair.there, "x");
                see_left(pair.here);
            }
            int fd = pair.here;
            one = (struct pollfd){fd, POLLIN | POLLOUT, 0};
            call->poll(&one, 1, 0);
            line("%s %s", ways[how], kind_name[kind]);
            into_the_number(fd, how, other);
            do_read(READ, fd, 3, 0);
            do_write(WRITE, fd, "Z", 0);
            see("at=%d", at(other));
            RET(call->recv(fd, &size, 1, 0));
            size = sizeof socket_error;
            RET(call->getsockopt(fd, SOL_SOCKET, SO_ERROR, &socket_error, &size));
            one.revents = 0;
            RET(call->poll(&one, 1, 0));
            see("revents=%x", (unsigned)one.revents);
            NEED(pipe(ends) == 0);
            into_the_number(fd, how, ends[0]);
            NEED(write(ends[1], "abc", 3) == 3);
            do_read(READ, fd, 8, 0);
            NEED(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
            do_read(READV, fd, 8, 0);
            want(OK(3) " buf=abc " OK(1) " at=4 " FAIL(ENOTSOCK) " " FAIL(ENOTSOCK) " " OK(1) " revents=5 " OK(3) " buf=abc " FAIL(EAGAIN)
                 " buf=kept");
        }
    }
}

// ---- What refuses ----

static volatile int too_large;
static void on_too_large(int number) {
    (void)number;
    too_large++;
}

// write(2), EFBIG: the limit of a file's size, with its signal.
CASE(too_large_a_file) {
    for (enum writing how = WRITE; how <= WRITEV; how++) {
        struct rlimit before, now;
        struct sigaction action = {.sa_handler = on_too_large};
        int fd = file_with("abcdefgh");
        line("%s", writing_name[how]);
        sigaction(SIGXFSZ, &action, NULL);
        getrlimit(RLIMIT_FSIZE, &before);
        now = (struct rlimit){10, before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &now);
        NEED(lseek(fd, 8, SEEK_SET) == 8);
        too_large = 0;
        do_write(how, fd, "XYZ", 0);
        do_write(how, fd, "XYZ", 0);
        setrlimit(RLIMIT_FSIZE, &before);
        signal(SIGXFSZ, SIG_DFL);
        see("signals=%d at=%d", too_large, at(fd));
        want(OK(2) " " FAIL(EFBIG) " signals=1 at=10");
    }
}

// memfd_create(2), F_ADD_SEALS in fcntl(2).
CASE(sealed) {
    int fd = text_in(IN_MEMORY, "abc");
    line("%s", "");
    RET(call->fcntl(fd, F_GET_SEALS, 0));
    RET(call->fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    RET(call->write(fd, "x", 1));
    RET(call->fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
    RET(call->fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    do_read(READ, fd, 8, 0);
    want(OK(0) " " OK(0) " " FAIL(EPERM) " " OK(0) " " FAIL(EPERM) " " OK(3) " buf=abc");
}

CASE(devices) {
    static const struct {
        const char *name, *read, *write;
    } devices[] = {{"null", OK(0) " buf=kept", OK(2)}, {"zero", OK(3) " buf=\\00\\00\\00", OK(2)},
                   {"full", OK(3) " buf=\\00\\00\\00", FAIL(ENOSPC)}};
    for (int i = 0; i < 3; i++) {
        for (int vector = 0; vector < 2; vector++) {
            char path[32];
            snprintf(path, sizeof path, "/dev/%s", devices[i].name);
            line("%s %s", devices[i].name, vector ? "vectors" : "bytes");
            int fd = open(path, O_RDWR);
            do_read(vector ? READV : READ, fd, 3, 0);
            do_write(vector ? WRITEV : WRITE, fd, "ab", 0);
            want("%s %s", devices[i].read, devices[i].write);
        }
    }
}

CASE(a_directory) {
    char byte;
    line("%s", "");
    int fd = file(DIRECTORY), flag = 1;
    RET(call->read(fd, &byte, 1));
    RET(call->write(fd, &byte, 1));
    int copy = call->dup(fd);
    see("%s", (call->fcntl(copy, F_GETFL, 0) & (O_ACCMODE | O_DIRECTORY)) == O_DIRECTORY ? "a directory" : "something else");
    RET(call->ioctl(fd, FIONBIO, (uintptr_t)&flag));
    see("%s", call->fcntl(copy, F_GETFL, 0) & O_NONBLOCK ? "nonblock" : "blocking");
    RET(call->close(fd));
    RET(call->close(copy));
    RET(call->close(copy));
    want(FAIL(EISDIR) " " FAIL(EBADF) " a directory " OK(0) " nonblock " OK(0) " " OK(0) " " FAIL(EBADF));
}

// ---- From file to file ----

CASE(from_file_to_file) {
    for (int where = 0; where < PLACES; where++) {
        int from = text_in(IN_MEMORY, "abcdefgh"), to = text_in(where, "12345678"), ends[2];
        off_t place = 2, out = 1;
        line("%s", place_name[where]);
        NEED(pipe(ends) == 0);
        RET(call->sendfile(to, from, NULL, 3));
        see("at=%d,%d", at(from), at(to));
        RET(call->sendfile(to, from, &place, 2));
        see("at=%d,%d offset=%d", at(from), at(to), (int)place);
        RET(call->splice(from, &place, ends[1], NULL, 3, 0));
        see("at=%d offset=%d", at(from), (int)place);
        RET(call->splice(ends[0], NULL, to, &out, 2, 0));
        see("at=%d offset=%d", at(to), (int)out);
        RET(call->splice(ends[0], NULL, to, NULL, 9, SPLICE_F_NONBLOCK));
        RET(call->splice(ends[0], NULL, to, NULL, 9, SPLICE_F_NONBLOCK));
        RET(call->splice(from, NULL, to, NULL, 2, 0));
        RET(call->sendfile(ends[1], from, NULL, 1));
        call->fcntl(to, F_SETFL, O_APPEND);
        RET(call->sendfile(to, from, NULL, 1));
        see_whole(to);
        // sendfile(2): not to a file opened with O_APPEND. splice(2): one end is a pipe.
        want(OK(3) " at=3,3 " OK(2) " at=3,5 offset=4 " OK(3) " at=3 offset=7 " OK(2) " at=5 offset=3 " OK(1) " " FAIL(EAGAIN) " " FAIL(EINVAL)
             " " OK(1) " " FAIL(EINVAL) " file=aefcdg78");
    }
}
