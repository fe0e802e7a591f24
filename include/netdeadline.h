/*
 * netdeadline.h - deadlines for sockets, and for whatever a block of code does with them.
 *
 *     cc app.c $(pkg-config --cflags --libs netdeadline)
 *
 * A program that is linked so has its own connect, read, poll, epoll_wait, ... under the deadlines that these calls set;
 * netdeadline(7) says which calls those are, and nd_set_deadline(3) and its neighbours say more than the comments here. All
 * instants are CLOCK_MONOTONIC, all instants and durations are nanoseconds.
 *
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Made of src/capi.rs by `./x header`: change that one.
 */

#ifndef NETDEADLINE_H
#define NETDEADLINE_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/** The version that this header belongs to. Compare it with `nd_version`, which answers for the library. */
#define ND_VERSION_MAJOR 0

/** See ND_VERSION_MAJOR. */
#define ND_VERSION_MINOR 1

/** See ND_VERSION_MAJOR. */
#define ND_VERSION_PATCH 0

/** Which clock ran out: the connection was not established in time. */
#define ND_CONNECT 1

/** Which clock ran out: something was written, and not one byte came back in time. */
#define ND_RESPONSE 2

/** Which clock ran out: no data, or on a listening socket no connection, came in time. */
#define ND_READ 3

/** Which clock ran out: there was no room for data, or what was sent was not acknowledged, in time. */
#define ND_WRITE 4

/** Which clock ran out: the connection had lived as long as it may. */
#define ND_LIFETIME 5

/** Who set it: `nd_set_deadline`, `nd_set_read_deadline` or `nd_set_write_deadline`. */
#define ND_SOURCE_DEADLINE 1

/** Who set it: `nd_scope_enter`. */
#define ND_SOURCE_SCOPE 2

/** Who set it: `nd_set_timeouts`. */
#define ND_SOURCE_TIMEOUTS 3

/** Who set it: setsockopt with SO_RCVTIMEO or SO_SNDTIMEO on a non-blocking socket. */
#define ND_SOURCE_SOCKOPT 4

/** Who set it: a rule of the operator's (NETDEADLINE_RULES and its like). */
#define ND_SOURCE_RULE 5

/** Timeouts of one socket, in nanoseconds; 0 = none set here. What each clock counts is said in netdeadline(7). */
struct nd_timeouts {
    /** From connect() until the connection is established. */
    int64_t connect;
    /** From a write until the first byte of the answer. */
    int64_t response;
    /** While data is waited for; every byte, and every write, starts it anew. On a listening socket: a blocking accept. */
    int64_t read;
    /** While room is waited for, or an acknowledgement; every byte accepted or acknowledged starts it anew. */
    int64_t write;
    /** From connect() (of a connected socket: from `nd_set_timeouts`) for ever. */
    int64_t lifetime;
};

/** Why an operation failed with ETIMEDOUT. */
struct nd_expiry {
    /** The instant at which it was ended: CLOCK_MONOTONIC, nanoseconds. */
    int64_t when;
    /** How long it had waited, in nanoseconds; 0 if the deadline had passed before it began. */
    int64_t waited;
    /** Bytes that this operation had moved before it was ended. */
    uint64_t bytes;
    /** TCP's smoothed round trip in microseconds; 0 if it is not known. */
    uint32_t rtt;
    /** How many times what is unacknowledged was sent again (TCP). */
    uint32_t retransmits;
    /** Which clock ran out: ND_CONNECT, ND_RESPONSE, ND_READ, ND_WRITE or ND_LIFETIME. */
    uint32_t which;
    /** Who set it: one of the ND_SOURCE_ constants. */
    uint32_t source;
    /** 0; later versions may use them. */
    uint64_t reserved[3];
};

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/** The version of the library, as "0.1.0". Any thread, also in a signal handler. */
const char *nd_version(void);

/** The present instant: CLOCK_MONOTONIC, in nanoseconds. Any thread, also in a signal handler. */
int64_t nd_now(void);

/**
 * Set the instant after which every operation on `fd`'s socket fails with ETIMEDOUT instead of waiting: `nd_set_read_deadline`
 * and `nd_set_write_deadline` in one.
 *
 * ENOTSUP, of this and the other calls: a seccomp filter forbids what it needs, or this is a vfork child.
 *
 * Returns 0, or -1 with errno EBADF, ENOTSOCK, ENOMEM or ENOTSUP. Any thread, also in a signal handler.
 */
int nd_set_deadline(int fd, int64_t when);

/**
 * Set the instant after which `read`, `recv` and their like, and `accept`, on `fd`'s socket fail with ETIMEDOUT.
 *
 * `when` is an instant as `nd_now` gives it; 0 removes the deadline. It holds for every later operation, not only the next,
 * until it is set anew, and also for operations that other threads already wait in. One that has passed makes reads fail at
 * once, even if data is there; nothing is consumed. poll, select and epoll report the socket as readable from then on.
 * All numbers that dup() made of `fd` share the deadline; accepted sockets do not inherit it.
 *
 * Returns 0, or -1 with errno EBADF, ENOTSOCK, ENOMEM or ENOTSUP. Any thread, also in a signal handler.
 */
int nd_set_read_deadline(int fd, int64_t when);

/**
 * Set the instant after which `write`, `send` and their like, and `connect`, on `fd`'s socket fail with ETIMEDOUT.
 *
 * As `nd_set_read_deadline`. A write that has moved some bytes by then returns their number, and the next one fails. A connect
 * that is under way is aborted: it cannot succeed later.
 *
 * Returns 0, or -1 with errno EBADF, ENOTSOCK, ENOMEM or ENOTSUP. Any thread, also in a signal handler.
 */
int nd_set_write_deadline(int fd, int64_t when);

/**
 * The deadlines of `fd`'s socket, as they were set; 0 where there is none. Either pointer may be NULL.
 *
 * Returns 0, or -1 with errno EBADF, ENOTSOCK, ENOMEM or ENOTSUP. Any thread, also in a signal handler.
 */
int nd_get_deadlines(int fd, int64_t *read, int64_t *write);

/**
 * Set timeouts of `fd`'s socket: durations that become deadlines when an operation begins to wait.
 *
 * They hold beside deadlines, SO_RCVTIMEO, SO_SNDTIMEO and the operator's rules: what ends first ends the wait. Waits that
 * other threads are in are bounded by the new timeouts from now on.
 *
 * Returns 0, or -1 with errno EFAULT (`timeouts` is NULL), EINVAL (a member is negative), EBADF, ENOTSOCK, ENOMEM or
 * ENOTSUP. Any
 * thread, also in a signal handler.
 */
int nd_set_timeouts(int fd, const struct nd_timeouts *timeouts);

/**
 * The timeouts of `fd`'s socket, as `nd_set_timeouts` set them.
 *
 * Returns 0, or -1 with errno EFAULT (`timeouts` is NULL), EBADF, ENOTSOCK, ENOMEM or ENOTSUP. Any thread, also in a signal handler.
 */
int nd_get_timeouts(int fd, struct nd_timeouts *timeouts);

/**
 * Why the last operation on `fd`'s socket that failed with ETIMEDOUT did so.
 *
 * Returns 0, or -1 with errno ENODATA (none has failed so), EFAULT (`expiry` is NULL), EBADF, ENOTSOCK, ENOMEM or
 * ENOTSUP. Any thread, also in a signal handler.
 */
int nd_last_expiry(int fd, struct nd_expiry *expiry);

/**
 * Begin a scope: until it is left, no socket operation and no poll, select or epoll_wait of the calling thread waits past `when`,
 * whichever library makes it.
 *
 * `when` is an instant as `nd_now` gives it; 0 sets no bound of its own. From that instant on socket operations of this
 * thread fail with ETIMEDOUT, nothing being consumed; a connect that is under way is aborted; poll, select and epoll_wait report
 * their sockets as ready, and return 0 if they have none. Scopes nest, and the earliest instant holds. What other threads do, also
 * on behalf of this one (a resolver), is not bounded, nor is what waits on no socket. A forked child begins without scopes.
 *
 * Returns a token for `nd_scope_leave`, or -1 with errno EAGAIN (64 scopes deep, or 1024 threads that ever entered one), ENOMEM
 * or ENOTSUP.
 * In a signal handler only if the handler also leaves it.
 */
int64_t nd_scope_enter(int64_t when);

/**
 * Leave the innermost scope, whose token this is. What it bounded is bounded by the scope around it again.
 *
 * Returns 0, or -1 with errno EINVAL: `token` is not that of the calling thread's innermost scope (left before, or out of order).
 */
int nd_scope_leave(int64_t token);

/**
 * connect(2) under `fd`'s write deadline. For callers whose own call cannot be interposed (a library that was opened with
 * dlopen, foreign function interfaces); so are the calls below. A cancellation point where connect is.
 */
int nd_connect(int fd, const struct sockaddr *address, socklen_t length);

/** accept(2) under `fd`'s read deadline. The new socket has no deadline. */
int nd_accept(int fd, struct sockaddr *address, socklen_t *length);

/** read(2) under `fd`'s read deadline. */
ssize_t nd_read(int fd, void *buffer, size_t count);

/** write(2) under `fd`'s write deadline. */
ssize_t nd_write(int fd, const void *buffer, size_t count);

/** recv(2) under `fd`'s read deadline. */
ssize_t nd_recv(int fd, void *buffer, size_t count, int flags);

/** send(2) under `fd`'s write deadline. */
ssize_t nd_send(int fd, const void *buffer, size_t count, int flags);

/** poll(2) that ends at the deadlines of its sockets, too: it reports them as ready. */
int nd_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

/** close(2). Whoever waits on `fd` in another thread is woken and fails with EBADF. */
int nd_close(int fd);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* NETDEADLINE_H */
