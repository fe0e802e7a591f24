/* A preload whose read says once in 13 calls on a socket that the peer has closed.
   Built by ../run in the library's place. It must be reported; nothing else may use it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/types.h>

ssize_t read(int fd, void *buf, size_t len)
{
    static unsigned calls;
    ssize_t (*next)(int, void *, size_t) = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    int type;
    socklen_t size = sizeof type;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && ++calls % 13 == 0)
        return 0;
    return next(fd, buf, len);
}
