// What calls are made on: sockets of every kind in pairs, other files, memory that is not there, and a helper that acts once the
// caller sleeps. Everything is on loopback, in a network namespace of the suite's own where it may have one.
#ifndef PLACE_H
#define PLACE_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

enum kind { TCP4, TCP4_ACCEPTED, TCP6, UDP4, UDP6, UNIX_STREAM, UNIX_PATH, UNIX_DGRAM, UNIX_SEQPACKET, KINDS };
enum mode { BLOCKING, NONBLOCK, MODES };
extern const char *const kind_name[KINDS], *const mode_name[MODES];
int is_stream(enum kind);
int is_datagram(enum kind);
int is_ip(enum kind);

// Two sockets of this kind, connected to each other; `here` is of this mode, `there` is blocking.
struct two {
    int here, there;
};
struct two two(enum kind, enum mode);
// One that is connected to nobody; for datagrams not bound either.
int lone(enum kind, enum mode);
// One that listens, and its address. Datagram kinds: bound.
struct place {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    } at;
    socklen_t length;
};
int listening(enum kind, enum mode, int backlog, struct place *);
// An address of this kind at which nobody listens.
struct place nowhere(enum kind);
// One more socket of this kind, connected there (blocking).
int dialled(enum kind, const struct place *);

// Write until there is no room for a byte, and none comes of itself. The peer is made to acknowledge at once (-1: it is not ours).
void fill(int fd, int peer);

// Other files.
enum file { PIPE_IN, PIPE_OUT, PLAIN, DIRECTORY, NULL_DEVICE, EVENTFD, TIMERFD, SIGNALFD, EPOLL, PIDFD, PATH_ONLY, FILES };
extern const char *const file_name[FILES];
int file(enum file);
// A plain file with this text, at its beginning.
int file_with(const char *text);
// A directory of the suite's own, and this file in it.
const char *scratch(const char *name);
void sweep_scratch(void);

// Numbers that are no descriptor's.
enum number { MINUS_ONE, LOWEST_INT, CLOSED, CLOSED_1500, CLOSED_HUGE, NUMBERS };
extern const char *const number_name[NUMBERS];
int number(enum number);

// Memory that is not there, or not whole.
enum memory { AT_NULL, AT_ONE, PAGE_WITHOUT_RIGHTS, AT_KERNEL, NOT_CANONICAL, READ_ONLY, MEMORIES };
extern const char *const memory_name[MEMORIES];
void *memory(enum memory);
// The last `size` bytes before a page without rights, filled with the canary byte.
void *edge(size_t size);

// Give the descriptor a deadline an hour away, where the suite runs with the C API's (ND_SUITE_API=explicit).
int bounded(int fd);

// Call `act` once the calling thread sleeps in the kernel, from another thread; `helped` waits until that has happened.
void when_asleep(void (*act)(void *), void *argument);
// Once it has slept for so long in one call.
void when_asleep_for(int ms, void (*act)(void *), void *argument);
void helped(void);
// Wait until that thread of this process sleeps, and has slept for so long in one call. 0 if it does not within some seconds.
int sleeps(pid_t thread, int ms);
pid_t own_tid(void);
void pause_ms(int ms);
// Milliseconds of CLOCK_MONOTONIC.
long now_ms(void);

void settle_in(void);

#endif
