/* The calls of netdeadline.h as Go can call them: each answers with its result, or with -errno. Also the few socket calls that
 * make an fd, so that every fd comes from C. No test and no deadline arithmetic belongs here. */
#ifndef CAPI_API_H
#define CAPI_API_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/socket.h>

/* Where something listens. */
struct api_place {
    struct sockaddr_storage address;
    socklen_t length;
};

/* Finds the library: at once where the program is linked with it; otherwise by dlopen(file), or, where file is empty, among
 * what LD_PRELOAD brought. NULL, or what is wrong. */
const char *api_open(const char *file);
/* Whether the library comes before libc, so that the program's plain calls are its own as well. */
int api_interposed(void);
const char *api_version(void);

int64_t api_now(void);
int api_set_deadline(int fd, int64_t when);
int api_set_read_deadline(int fd, int64_t when);
int api_set_write_deadline(int fd, int64_t when);
int api_get_deadlines(int fd, int64_t *read, int64_t *write);
ssize_t api_read(int fd, void *buffer, size_t count);
ssize_t api_write(int fd, const void *buffer, size_t count);
int api_accept(int fd);
int api_connect(int fd, const struct api_place *place);
/* Waits until fd has one of `events` or an error: what was found. */
int api_poll(int fd, short events, int timeout_ms);
int api_close(int fd);

int api_socket(int family, int type);
int api_pair(int type, int fds[2]);
/* Binds to a free port of the loopback, or to a unix path, and listens. */
int api_listen(int fd, int family, const char *path, int backlog, struct api_place *place);
int api_nonblocking(int fd);
int api_dup(int fd);

/* For tests that must know that a thread sleeps in a call: its id is written before the call is made. */
ssize_t api_read_noting(int fd, void *buffer, size_t count, int *thread);
int api_accept_noting(int fd, int *thread);

#endif
