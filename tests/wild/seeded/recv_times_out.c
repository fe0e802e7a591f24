/* A preload whose recv says ETIMEDOUT once in a hundred calls, at others in each process.
   Built by ../run in the library's place. It must be reported; nothing else may use it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    static unsigned calls;
    ssize_t (*next)(int, void *, size_t, int) = (ssize_t (*)(int, void *, size_t, int))dlsym(RTLD_NEXT, "recv");
    /* Knuth's multiplicative hash: neighbouring processes and calls fall far apart. */
    unsigned place = ((unsigned)getpid() * 64 + __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED)) * 2654435761u;

    if (place / 65536 % 100 == 0) {
        errno = ETIMEDOUT;
        return -1;
    }
    return next(fd, buf, len, flags);
}
