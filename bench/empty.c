// The empty interposer: the names of the library that the benchmark calls, each of which only calls the next function.
//
// The least that any preload costs, and what ours is measured against. Built as a shared object with -O2, bound at load.
// No header that declares these names is included: the types here need only be the machine's.
#include <stddef.h>
#include <stdint.h>

typedef long ssize_t;
void *dlsym(void *handle, const char *name);
#define NEXT ((void *)-1l) // RTLD_NEXT

// Argument lists: types and names as declared, names as passed.
#define NAMES(X)                                                                                                               \
    X(ssize_t, read, (int fd, void *buf, size_t n), (fd, buf, n))                                                              \
    X(ssize_t, readv, (int fd, const void *iov, int n), (fd, iov, n))                                                          \
    X(ssize_t, recv, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags))                                            \
    X(ssize_t, recvfrom, (int fd, void *buf, size_t n, int flags, void *from, void *length), (fd, buf, n, flags, from, length)) \
    X(ssize_t, recvmsg, (int fd, void *message, int flags), (fd, message, flags))                                              \
    X(ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n))                                                       \
    X(ssize_t, writev, (int fd, const void *iov, int n), (fd, iov, n))                                                         \
    X(ssize_t, send, (int fd, const void *buf, size_t n, int flags), (fd, buf, n, flags))                                      \
    X(ssize_t, sendto, (int fd, const void *buf, size_t n, int flags, const void *to, unsigned length),                        \
      (fd, buf, n, flags, to, length))                                                                                         \
    X(ssize_t, sendmsg, (int fd, const void *message, int flags), (fd, message, flags))                                        \
    X(int, connect, (int fd, const void *to, unsigned length), (fd, to, length))                                               \
    X(int, accept, (int fd, void *from, void *length), (fd, from, length))                                                     \
    X(int, accept4, (int fd, void *from, void *length, int flags), (fd, from, length, flags))                                  \
    X(int, socket, (int domain, int type, int protocol), (domain, type, protocol))                                             \
    X(int, shutdown, (int fd, int how), (fd, how))                                                                             \
    X(int, setsockopt, (int fd, int level, int name, const void *value, unsigned length), (fd, level, name, value, length))    \
    X(int, getsockopt, (int fd, int level, int name, void *value, void *length), (fd, level, name, value, length))             \
    X(int, poll, (void *fds, unsigned long n, int ms), (fds, n, ms))                                                           \
    X(int, ppoll, (void *fds, unsigned long n, const void *time, const void *mask), (fds, n, time, mask))                      \
    X(int, select, (int n, void *in, void *out, void *except, void *time), (n, in, out, except, time))                         \
    X(int, epoll_create1, (int flags), (flags))                                                                                \
    X(int, epoll_ctl, (int set, int operation, int fd, void *event), (set, operation, fd, event))                              \
    X(int, epoll_wait, (int set, void *events, int max, int ms), (set, events, max, ms))                                       \
    X(int, epoll_pwait, (int set, void *events, int max, int ms, const void *mask), (set, events, max, ms, mask))              \
    X(int, close, (int fd), (fd))                                                                                              \
    X(int, dup, (int fd), (fd))                                                                                                \
    X(int, dup2, (int fd, int to), (fd, to))                                                                                   \
    X(int, dup3, (int fd, int to, int flags), (fd, to, flags))                                                                 \
    X(int, fcntl, (int fd, int command, uintptr_t argument), (fd, command, argument))                                          \
    X(int, fcntl64, (int fd, int command, uintptr_t argument), (fd, command, argument))                                        \
    X(int, ioctl, (int fd, unsigned long request, uintptr_t argument), (fd, request, argument))

#define POINTER(result, name, types, names) static result(*next_##name) types;
NAMES(POINTER)

#define FUNCTION(result, name, types, names)                                                                                   \
    result name types { return next_##name names; }
NAMES(FUNCTION)

__attribute__((constructor)) static void resolve(void)
{
#define RESOLVE(result, name, types, names) *(void **)&next_##name = dlsym(NEXT, #name);
    NAMES(RESOLVE)
}
