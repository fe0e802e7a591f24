// The doors themselves. What they are for is said in door.h.
#include "door.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
// What the kernel's mask of signals has: glibc's sigset_t is larger.
enum { MASK = 8 };

const struct door *call;

#define RAW(type, name, parameters, ...) \
    static type raw_##name parameters { return (type)syscall(__VA_ARGS__); }
RAW(ssize_t, read, (int f, void *b, size_t n), SYS_read, f, b, n)
RAW(ssize_t, write, (int f, const void *b, size_t n), SYS_write, f, b, n)
RAW(ssize_t, readv, (int f, const struct iovec *v, int n), SYS_readv, f, v, (long)n)
RAW(ssize_t, writev, (int f, const struct iovec *v, int n), SYS_writev, f, v, (long)n)
RAW(ssize_t, preadv2, (int f, const struct iovec *v, int n, off_t at, int flags), SYS_preadv2, f, v, (long)n, at, 0L, flags)
RAW(ssize_t, pwritev2, (int f, const struct iovec *v, int n, off_t at, int flags), SYS_pwritev2, f, v, (long)n, at, 0L, flags)
RAW(ssize_t, recv, (int f, void *b, size_t n, int flags), SYS_recvfrom, f, b, n, flags, NULL, NULL)
RAW(ssize_t, recvfrom, (int f, void *b, size_t n, int flags, void *a, socklen_t *l), SYS_recvfrom, f, b, n, flags, a, l)
RAW(ssize_t, recvmsg, (int f, struct msghdr *m, int flags), SYS_recvmsg, f, m, flags)
RAW(int, recvmmsg, (int f, struct mmsghdr *m, unsigned n, int flags, struct timespec *t), SYS_recvmmsg, f, m, n, flags, t)
RAW(ssize_t, send, (int f, const void *b, size_t n, int flags), SYS_sendto, f, b, n, flags, NULL, 0L)
RAW(ssize_t, sendto, (int f, const void *b, size_t n, int flags, const void *a, socklen_t l), SYS_sendto, f, b, n, flags, a, l)
RAW(ssize_t, sendmsg, (int f, const struct msghdr *m, int flags), SYS_sendmsg, f, m, flags)
RAW(int, sendmmsg, (int f, struct mmsghdr *m, unsigned n, int flags), SYS_sendmmsg, f, m, n, flags)
RAW(int, connect, (int f, const void *a, socklen_t l), SYS_connect, f, a, l)
RAW(int, bind, (int f, const void *a, socklen_t l), SYS_bind, f, a, l)
RAW(int, listen, (int f, int n), SYS_listen, f, n)
RAW(int, accept, (int f, void *a, socklen_t *l), SYS_accept, f, a, l)
RAW(int, accept4, (int f, void *a, socklen_t *l, int flags), SYS_accept4, f, a, l, flags)
RAW(int, socket, (int a, int b, int c), SYS_socket, a, b, c)
RAW(int, socketpair, (int a, int b, int c, int *v), SYS_socketpair, a, b, c, v)
RAW(int, shutdown, (int f, int how), SYS_shutdown, f, how)
RAW(int, getsockopt, (int f, int l, int o, void *v, socklen_t *n), SYS_getsockopt, f, l, o, v, n)
RAW(int, setsockopt, (int f, int l, int o, const void *v, socklen_t n), SYS_setsockopt, f, l, o, v, n)
RAW(int, poll, (struct pollfd *p, nfds_t n, int ms), SYS_poll, p, n, ms)
RAW(int, ppoll, (struct pollfd *p, nfds_t n, struct timespec *t, const sigset_t *s), SYS_ppoll, p, n, t, s, MASK)
RAW(int, select, (int n, fd_set *r, fd_set *w, fd_set *x, struct timeval *t), SYS_select, n, r, w, x, t)
static int raw_pselect(int n, fd_set *r, fd_set *w, fd_set *x, struct timespec *t, const sigset_t *s) {
    const struct {
        const sigset_t *set;
        size_t size;
    } mask = {s, MASK};
    return (int)syscall(SYS_pselect6, n, r, w, x, t, &mask);
}
RAW(int, epoll_create, (int n), SYS_epoll_create, n)
RAW(int, epoll_create1, (int flags), SYS_epoll_create1, flags)
RAW(int, epoll_ctl, (int e, int op, int f, struct epoll_event *v), SYS_epoll_ctl, e, op, f, v)
RAW(int, epoll_wait, (int e, struct epoll_event *v, int n, int ms), SYS_epoll_wait, e, v, n, ms)
RAW(int, epoll_pwait, (int e, struct epoll_event *v, int n, int ms, const sigset_t *s), SYS_epoll_pwait, e, v, n, ms, s, MASK)
RAW(int, epoll_pwait2, (int e, struct epoll_event *v, int n, const struct timespec *t, const sigset_t *s), SYS_epoll_pwait2, e,
    v, n, t, s, MASK)
RAW(int, dup, (int f), SYS_dup, f)
RAW(int, dup2, (int f, int g), SYS_dup2, f, g)
RAW(int, dup3, (int f, int g, int flags), SYS_dup3, f, g, flags)
RAW(int, close, (int f), SYS_close, f)
RAW(int, close_range, (unsigned a, unsigned b, int flags), SYS_close_range, a, b, flags)
RAW(int, fcntl, (int f, int c, uintptr_t a), SYS_fcntl, f, c, a)
RAW(int, ioctl, (int f, unsigned long r, uintptr_t a), SYS_ioctl, f, r, a)
RAW(ssize_t, sendfile, (int o, int i, off_t *at, size_t n), SYS_sendfile, o, i, at, n)
RAW(ssize_t, splice, (int i, off_t *ia, int o, off_t *oa, size_t n, unsigned flags), SYS_splice, i, ia, o, oa, n, flags)
RAW(int, pidfd_getfd, (int p, int f, unsigned flags), SYS_pidfd_getfd, p, f, flags)

#define LIBC(type, name, parameters, ...) \
    static type libc_##name parameters { return (type)name(__VA_ARGS__); }
LIBC(ssize_t, recvfrom, (int f, void *b, size_t n, int flags, void *a, socklen_t *l), f, b, n, flags, a, l)
LIBC(ssize_t, sendto, (int f, const void *b, size_t n, int flags, const void *a, socklen_t l), f, b, n, flags, a, l)
LIBC(int, connect, (int f, const void *a, socklen_t l), f, a, l)
LIBC(int, bind, (int f, const void *a, socklen_t l), f, a, l)
LIBC(int, accept, (int f, void *a, socklen_t *l), f, a, l)
LIBC(int, accept4, (int f, void *a, socklen_t *l, int flags), f, a, l, flags)
LIBC(int, recvmmsg, (int f, struct mmsghdr *m, unsigned n, int flags, struct timespec *t), f, m, n, flags, t)
LIBC(int, sendmmsg, (int f, struct mmsghdr *m, unsigned n, int flags), f, m, n, flags)
LIBC(int, ppoll, (struct pollfd *p, nfds_t n, struct timespec *t, const sigset_t *s), p, n, t, s)
LIBC(int, pselect, (int n, fd_set *r, fd_set *w, fd_set *x, struct timespec *t, const sigset_t *s), n, r, w, x, t, s)
LIBC(int, fcntl, (int f, int c, uintptr_t a), f, c, a)
LIBC(int, ioctl, (int f, unsigned long r, uintptr_t a), f, r, a)
#ifdef __GLIBC__
LIBC(int, dup3, (int f, int g, int flags), f, g, flags)
int pidfd_getfd(int, int, unsigned);
#define IF_GLIBC(glibc, otherwise) glibc
#else
#define libc_dup3 dup3
#define IF_GLIBC(glibc, otherwise) otherwise
#endif

#define COMMON                                                                                                            \
    .socket = socket, .socketpair = socketpair, .shutdown = shutdown, .getsockopt = getsockopt, .setsockopt = setsockopt, \
    .readv = readv, .writev = writev, .write = write, .recvmsg = recvmsg, .send = send, .sendmsg = sendmsg,               \
    .recvmmsg = libc_recvmmsg, .sendmmsg = libc_sendmmsg, .sendto = libc_sendto, .connect = libc_connect,                 \
    .bind = libc_bind, .listen = listen,                                                                                 \
    .accept = libc_accept, .accept4 = libc_accept4, .select = select, .pselect = libc_pselect,                            \
    .epoll_create = epoll_create, .epoll_create1 = epoll_create1, .epoll_ctl = epoll_ctl, .epoll_wait = epoll_wait,       \
    .epoll_pwait = epoll_pwait, .epoll_pwait2 = IF_GLIBC(epoll_pwait2, raw_epoll_pwait2), .dup = dup, .dup2 = dup2,       \
    .dup3 = libc_dup3, .close = close, .close_range = IF_GLIBC(close_range, raw_close_range), .fcntl = libc_fcntl,        \
    .ioctl = libc_ioctl, .sendfile = sendfile, .splice = splice, .pidfd_getfd = raw_pidfd_getfd,                          \
    .preadv2 = IF_GLIBC(preadv2, raw_preadv2), .pwritev2 = IF_GLIBC(pwritev2, raw_pwritev2)

static const struct door libc_door = {
    .name = "libc", COMMON, .read = read, .recv = recv, .recvfrom = libc_recvfrom, .poll = poll, .ppoll = libc_ppoll};

#ifdef __GLIBC__
// What a program gets that was compiled with _FORTIFY_SOURCE: the buffer's size as far as the compiler knows it.
ssize_t __read_chk(int, void *, size_t, size_t);
ssize_t __recv_chk(int, void *, size_t, size_t, int);
ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
int __poll_chk(struct pollfd *, nfds_t, int, size_t);
int __ppoll_chk(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);
enum { KNOWN = -1 };
static ssize_t checked_read(int f, void *b, size_t n) { return __read_chk(f, b, n, (size_t)KNOWN); }
static ssize_t checked_recv(int f, void *b, size_t n, int flags) { return __recv_chk(f, b, n, (size_t)KNOWN, flags); }
static ssize_t checked_recvfrom(int f, void *b, size_t n, int flags, void *a, socklen_t *l) {
    return __recvfrom_chk(f, b, n, (size_t)KNOWN, flags, a, l);
}
static int checked_poll(struct pollfd *p, nfds_t n, int ms) { return __poll_chk(p, n, ms, (size_t)KNOWN); }
static int checked_ppoll(struct pollfd *p, nfds_t n, struct timespec *t, const sigset_t *s) {
    return __ppoll_chk(p, n, t, s, (size_t)KNOWN);
}
static const struct door fortified = {
    .name = "fortified", COMMON, .read = checked_read, .recv = checked_recv, .recvfrom = checked_recvfrom,
    .poll = checked_poll, .ppoll = checked_ppoll};
#endif

static const struct door raw = {
    .name = "syscall", .raw = 1, .read = raw_read, .write = raw_write, .readv = raw_readv, .writev = raw_writev,
    .preadv2 = raw_preadv2, .pwritev2 = raw_pwritev2, .recv = raw_recv, .recvfrom = raw_recvfrom, .recvmsg = raw_recvmsg,
    .recvmmsg = raw_recvmmsg, .send = raw_send, .sendto = raw_sendto, .sendmsg = raw_sendmsg, .sendmmsg = raw_sendmmsg,
    .connect = raw_connect, .bind = raw_bind, .listen = raw_listen, .accept = raw_accept, .accept4 = raw_accept4, .socket = raw_socket, .socketpair = raw_socketpair,
    .shutdown = raw_shutdown, .getsockopt = raw_getsockopt, .setsockopt = raw_setsockopt, .poll = raw_poll, .ppoll = raw_ppoll,
    .select = raw_select, .pselect = raw_pselect, .epoll_create = raw_epoll_create, .epoll_create1 = raw_epoll_create1,
    .epoll_ctl = raw_epoll_ctl, .epoll_wait = raw_epoll_wait, .epoll_pwait = raw_epoll_pwait, .epoll_pwait2 = raw_epoll_pwait2,
    .dup = raw_dup, .dup2 = raw_dup2, .dup3 = raw_dup3, .close = raw_close, .close_range = raw_close_range, .fcntl = raw_fcntl,
    .ioctl = raw_ioctl, .sendfile = raw_sendfile, .splice = raw_splice, .pidfd_getfd = raw_pidfd_getfd};

const struct door *door_named(const char *name) {
#ifdef __GLIBC__
    if (strcmp(name, fortified.name) == 0) {
        return &fortified;
    }
#endif
    return strcmp(name, raw.name) == 0 ? &raw : strcmp(name, libc_door.name) == 0 ? &libc_door : NULL;
}
