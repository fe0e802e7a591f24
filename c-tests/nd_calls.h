// Every call that reads one byte and every call that writes one, in one shape, so that a test can go through them all.
//
// Not here: what is expected of them.
#ifndef ND_CALLS_H
#define ND_CALLS_H

#include "nd_test.h"
#include <sys/sendfile.h>

struct nd_call {
    const char *name;
    long (*make)(int fd, char *byte);
};

static long nd_by_read(int fd, char *byte) { return read(fd, byte, 1); }
static long nd_by_readv(int fd, char *byte) {
    struct iovec parts[2] = {{byte, 0}, {byte, 1}};
    return readv(fd, parts, 2);
}
static long nd_by_recv(int fd, char *byte) { return recv(fd, byte, 1, 0); }
static long nd_by_recvfrom(int fd, char *byte) {
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    return recvfrom(fd, byte, 1, 0, (struct sockaddr *)&from, &size);
}
static long nd_by_recvmsg(int fd, char *byte) {
    struct iovec part = {byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return recvmsg(fd, &message, 0);
}
static long nd_by_recvmmsg(int fd, char *byte) {
    struct iovec part = {byte, 1};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
    return recvmmsg(fd, &message, 1, 0, NULL);
}
// Out of the socket into a pipe. splice's own errno is kept over the closing of the pipe.
static long nd_by_splice_in(int fd, char *byte) {
    int ends[2];
    MUST(pipe2(ends, O_CLOEXEC));
    int before = errno;
    long got = splice(fd, NULL, ends[1], NULL, 1, 0);
    int failed = errno;
    if (got == 1) CHECK_EQ(nd_raw_read(ends[0], byte, 1), 1);
    CHECK(got != 1 || failed == before);
    nd_raw_close(ends[0]);
    nd_raw_close(ends[1]);
    errno = failed;
    return got;
}
static ND_UNUSED const struct nd_call nd_read_calls[] = {
    {"read", nd_by_read},       {"readv", nd_by_readv},     {"recv", nd_by_recv},       {"recvfrom", nd_by_recvfrom},
    {"recvmsg", nd_by_recvmsg}, {"recvmmsg", nd_by_recvmmsg}, {"splice", nd_by_splice_in},
};
#define ND_READ_CALLS (sizeof nd_read_calls / sizeof *nd_read_calls)

static long nd_by_write(int fd, char *byte) { return write(fd, byte, 1); }
static long nd_by_writev(int fd, char *byte) {
    struct iovec parts[2] = {{byte, 0}, {byte, 1}};
    return writev(fd, parts, 2);
}
static long nd_by_send(int fd, char *byte) { return send(fd, byte, 1, 0); }
static long nd_by_sendto(int fd, char *byte) { return sendto(fd, byte, 1, MSG_NOSIGNAL, NULL, 0); }
static long nd_by_sendmsg(int fd, char *byte) {
    struct iovec part = {byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    return sendmsg(fd, &message, 0);
}
static long nd_by_sendmmsg(int fd, char *byte) {
    struct iovec part = {byte, 1};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};
    return sendmmsg(fd, &message, 1, 0);
}
static long nd_by_sendfile(int fd, char *byte) {
    char name[] = "sendfile-XXXXXX";
    int file = MUST(mkstemp(name));
    unlink(name);
    CHECK_EQ(nd_raw_write(file, byte, 1), 1);
    off_t from = 0;
    long sent = sendfile(fd, file, &from, 1);
    int failed = errno;
    CHECK_EQ(from, sent > 0 ? sent : 0);
    nd_raw_close(file);
    errno = failed;
    return sent;
}
static long nd_by_splice_out(int fd, char *byte) {
    int ends[2];
    MUST(pipe2(ends, O_CLOEXEC));
    CHECK_EQ(nd_raw_write(ends[1], byte, 1), 1);
    long sent = splice(ends[0], NULL, fd, NULL, 1, 0);
    int failed = errno;
    nd_raw_close(ends[0]);
    nd_raw_close(ends[1]);
    errno = failed;
    return sent;
}
static ND_UNUSED const struct nd_call nd_write_calls[] = {
    {"write", nd_by_write},     {"writev", nd_by_writev},     {"send", nd_by_send},         {"sendto", nd_by_sendto},
    {"sendmsg", nd_by_sendmsg}, {"sendmmsg", nd_by_sendmmsg}, {"sendfile", nd_by_sendfile}, {"splice", nd_by_splice_out},
};
#define ND_WRITE_CALLS (sizeof nd_write_calls / sizeof *nd_write_calls)

// One call on a thread of its own, with what came of it.
struct nd_made {
    const struct nd_call *call;
    int fd;
    char byte;
    long result;
    int error;
    int64_t start, took;
    struct nd_thread thread;
};
#define ND_ERRNO_BEFORE 4242
static ND_UNUSED void *nd_made_body(void *argument) {
    struct nd_made *made = argument;
    errno = ND_ERRNO_BEFORE;
    made->start = nd_now();
    made->result = made->call->make(made->fd, &made->byte);
    made->error = errno;
    made->took = nd_now() - made->start;
    return NULL;
}
static ND_UNUSED void nd_make(struct nd_made *made, const struct nd_call *call, int fd) {
    made->call = call;
    made->fd = fd;
    made->byte = 'w';
    made->thread = nd_start(nd_made_body, made);
}
static ND_UNUSED void nd_made_wait(struct nd_made *made) { nd_join(made->thread, 15 * SEC); }
#define CHECK_TIMED_OUT(made, timeout)                                                                                 \
    do {                                                                                                               \
        const struct nd_made *nd_m = (made);                                                                           \
        if (nd_m->result != -1 || nd_m->error != ETIMEDOUT)                                                            \
            FAIL("%s is %ld with errno %d (%s), not -1 with ETIMEDOUT, after %.1f ms", nd_m->call->name, nd_m->result, \
                 nd_m->error, strerror(nd_m->error), (double)nd_m->took / 1e6);                                        \
        if (nd_m->took < (timeout)) FAIL("%s ended early: %.3f ms", nd_m->call->name, (double)nd_m->took / 1e6);       \
        if (nd_m->took > (timeout) + ND_LATE) FAIL("%s ended late: %.3f ms", nd_m->call->name, (double)nd_m->took / 1e6); \
    } while (0)
// One byte moved (or one message), and errno as it was before the call.
#define CHECK_MOVED(made)                                                                                              \
    do {                                                                                                               \
        const struct nd_made *nd_m = (made);                                                                           \
        if (nd_m->result != 1)                                                                                         \
            FAIL("%s is %ld with errno %d (%s), not 1, after %.1f ms", nd_m->call->name, nd_m->result, nd_m->error,    \
                 strerror(nd_m->error), (double)nd_m->took / 1e6);                                                     \
        if (nd_m->error != ND_ERRNO_BEFORE) FAIL("%s succeeded and changed errno to %d", nd_m->call->name, nd_m->error); \
    } while (0)
#endif
