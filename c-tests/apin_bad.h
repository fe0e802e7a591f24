// Every nd_ call that takes a descriptor, in one shape, for what they answer to a bad one.
//
// Not here: what that is.
#ifndef APIN_BAD_H
#define APIN_BAD_H

#include "apin_wait.h"

static struct nd_timeouts apin_timeouts = {.read = 5 * SEC};
static struct nd_expiry apin_expiry;

static long apin_set(int fd, char *byte) {
    (void)byte;
    return nd_set_deadline(fd, INT64_MAX);
}
static long apin_set_read(int fd, char *byte) {
    (void)byte;
    return nd_set_read_deadline(fd, 0);
}
static long apin_set_write(int fd, char *byte) {
    (void)byte;
    return nd_set_write_deadline(fd, 1);
}
static long apin_get(int fd, char *byte) {
    int64_t reads, writes;
    (void)byte;
    return nd_get_deadlines(fd, &reads, &writes);
}
static long apin_get_neither(int fd, char *byte) {
    (void)byte;
    return nd_get_deadlines(fd, NULL, NULL);
}
static long apin_set_timeouts(int fd, char *byte) {
    (void)byte;
    return nd_set_timeouts(fd, &apin_timeouts);
}
static long apin_get_timeouts(int fd, char *byte) {
    struct nd_timeouts timeouts;
    (void)byte;
    return nd_get_timeouts(fd, &timeouts);
}
static long apin_last(int fd, char *byte) {
    (void)byte;
    return nd_last_expiry(fd, &apin_expiry);
}
// What belongs to the library alone.
static ND_UNUSED const struct nd_call apin_own_calls[] = {
    {"nd_set_deadline", apin_set},          {"nd_set_read_deadline", apin_set_read},
    {"nd_set_write_deadline", apin_set_write}, {"nd_get_deadlines", apin_get},
    {"nd_get_deadlines", apin_get_neither}, {"nd_set_timeouts", apin_set_timeouts},
    {"nd_get_timeouts", apin_get_timeouts}, {"nd_last_expiry", apin_last},
};
#define APIN_OWN_CALLS (sizeof apin_own_calls / sizeof *apin_own_calls)

static long apin_connect(int fd, char *byte) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)};
    (void)byte;
    return nd_connect(fd, (struct sockaddr *)&at, sizeof at);
}
static long apin_accept(int fd, char *byte) {
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    (void)byte;
    return nd_accept(fd, (struct sockaddr *)&at, &size);
}
// What the kernel does as well, and how to ask it directly.
struct apin_kernel_call {
    struct nd_call call;
    long (*direct)(int fd, char *byte);
};
static long apin_raw_connect(int fd, char *byte) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(9)};
    (void)byte;
    return nd_raw(SYS_connect, fd, (long)&at, sizeof at, 0, 0, 0);
}
static long apin_raw_accept(int fd, char *byte) {
    (void)byte;
    return nd_raw(SYS_accept, fd, 0, 0, 0, 0, 0);
}
static long apin_raw_read(int fd, char *byte) { return nd_raw_read(fd, byte, 1); }
static long apin_raw_write(int fd, char *byte) { return nd_raw_write(fd, byte, 1); }
static long apin_raw_recv(int fd, char *byte) { return nd_raw(SYS_recvfrom, fd, (long)byte, 1, 0, 0, 0); }
static long apin_raw_send(int fd, char *byte) { return nd_raw(SYS_sendto, fd, (long)byte, 1, MSG_NOSIGNAL, 0, 0); }
static ND_UNUSED const struct apin_kernel_call apin_kernel_calls[] = {
    {{"nd_connect", apin_connect}, apin_raw_connect},  {{"nd_accept", apin_accept}, apin_raw_accept},
    {{"nd_read", api_by_nd_read}, apin_raw_read},         {{"nd_write", api_by_nd_write}, apin_raw_write},
    {{"nd_recv", api_by_nd_recv}, apin_raw_recv},     {{"nd_send", api_by_nd_send}, apin_raw_send},
};
#define APIN_KERNEL_CALLS (sizeof apin_kernel_calls / sizeof *apin_kernel_calls)

// Each of the library's own calls fails with this errno.
#define CHECK_OWN_CALLS(fd, wanted)                                                                                    \
    do {                                                                                                               \
        int nd_fd = (fd);                                                                                              \
        char nd_byte = 'w';                                                                                            \
        for (size_t nd_i = 0; nd_i < APIN_OWN_CALLS; nd_i++) {                                                         \
            errno = 0;                                                                                                 \
            long nd_got = apin_own_calls[nd_i].make(nd_fd, &nd_byte);                                                  \
            if (nd_got != -1 || errno != (wanted))                                                                     \
                FAIL("%s(%d) is %ld with %s, not -1 with %s", apin_own_calls[nd_i].name, nd_fd, nd_got,                \
                     strerror(errno), #wanted);                                                                        \
        }                                                                                                              \
    } while (0)
#endif
