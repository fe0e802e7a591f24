// A fault that takes no build of the library: a preload before it, whose recv touches errno after a success. The quick run shows that
// the suite sees it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/types.h>

ssize_t recv(int fd, void *bytes, size_t size, int flags) {
    static ssize_t (*next)(int, void *, size_t, int);
    if (!next) {
        next = (ssize_t(*)(int, void *, size_t, int))dlsym(RTLD_NEXT, "recv");
    }
    ssize_t result = next(fd, bytes, size, flags);
    if (result > 0) {
        errno = 0;
    }
    return result;
}
