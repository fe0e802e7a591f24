/* See api.h. Built with BY_DLOPEN the program is not linked with the library: it looks for the calls in a file, as an FFI does,
 * or among what is in the process already, as a program does that may or may not be preloaded. */
#define _GNU_SOURCE
#include "api.h"

#include "netdeadline.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define CALLS(X)                                                                                                              \
    X(nd_version) X(nd_now) X(nd_set_deadline) X(nd_set_read_deadline) X(nd_set_write_deadline) X(nd_get_deadlines)           \
    X(nd_read) X(nd_write) X(nd_accept) X(nd_connect) X(nd_poll) X(nd_close)

#ifdef BY_DLOPEN

#define POINTER(name) static __typeof__(name) *by_##name;
CALLS(POINTER)
#define CALL(name) by_##name

const char *api_open(const char *file) {
    void *library = dlopen(*file ? file : NULL, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return dlerror();
#define FIND(name)                                                                                                            \
    by_##name = (__typeof__(name) *)dlsym(library, #name);                                                                    \
    if (by_##name == NULL) return "the library has no " #name;
    CALLS(FIND)
    return NULL;
}

#else

#define CALL(name) name

const char *api_open(const char *file) {
    (void)file;
    return NULL;
}

#endif

int api_interposed(void) { return dlsym(RTLD_DEFAULT, "nd_version") != NULL; }

static ssize_t answer(ssize_t result) { return result < 0 ? -errno : result; }

const char *api_version(void) { return CALL(nd_version)(); }
int64_t api_now(void) { return CALL(nd_now)(); }
int api_set_deadline(int fd, int64_t when) { return answer(CALL(nd_set_deadline)(fd, when)); }
int api_set_read_deadline(int fd, int64_t when) { return answer(CALL(nd_set_read_deadline)(fd, when)); }
int api_set_write_deadline(int fd, int64_t when) { return answer(CALL(nd_set_write_deadline)(fd, when)); }
int api_get_deadlines(int fd, int64_t *read, int64_t *write) { return answer(CALL(nd_get_deadlines)(fd, read, write)); }
ssize_t api_read(int fd, void *buffer, size_t count) { return answer(CALL(nd_read)(fd, buffer, count)); }
ssize_t api_write(int fd, const void *buffer, size_t count) { return answer(CALL(nd_write)(fd, buffer, count)); }
int api_accept(int fd) { return answer(CALL(nd_accept)(fd, NULL, NULL)); }
int api_close(int fd) { return answer(CALL(nd_close)(fd)); }

int api_connect(int fd, const struct api_place *place) {
    return answer(CALL(nd_connect)(fd, (const struct sockaddr *)&place->address, place->length));
}

int api_poll(int fd, short events, int timeout_ms) {
    struct pollfd asked = {.fd = fd, .events = events};
    int count = CALL(nd_poll)(&asked, 1, timeout_ms);
    return count < 0 ? -errno : asked.revents;
}

int api_socket(int family, int type) { return answer(socket(family, type | SOCK_CLOEXEC, 0)); }
int api_pair(int type, int fds[2]) { return answer(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds)); }
int api_nonblocking(int fd) { return answer(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)); }
int api_dup(int fd) { return answer(fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

int api_listen(int fd, int family, const char *path, int backlog, struct api_place *place) {
    memset(place, 0, sizeof *place);
    if (family == AF_UNIX) {
        struct sockaddr_un *named = (struct sockaddr_un *)&place->address;
        named->sun_family = AF_UNIX;
        snprintf(named->sun_path, sizeof named->sun_path, "%s", path);
        place->length = sizeof *named;
    } else {
        struct sockaddr_in *port = (struct sockaddr_in *)&place->address;
        port->sin_family = AF_INET;
        port->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        place->length = sizeof *port;
    }
    struct sockaddr *address = (struct sockaddr *)&place->address;
    if (bind(fd, address, place->length) || listen(fd, backlog)) return -errno;
    if (family != AF_UNIX && getsockname(fd, address, &place->length)) return -errno;
    return 0;
}

ssize_t api_read_noting(int fd, void *buffer, size_t count, int *thread) {
    __atomic_store_n(thread, gettid(), __ATOMIC_RELEASE);
    return api_read(fd, buffer, count);
}

int api_accept_noting(int fd, int *thread) {
    __atomic_store_n(thread, gettid(), __ATOMIC_RELEASE);
    return api_accept(fd);
}
