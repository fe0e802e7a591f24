// The calls that wait, each in one form, on sockets of every kind: for the cases in which something comes while they wait.
#ifndef WAITING_H
#define WAITING_H

#include "place.h"

enum wait { W_READ, W_READV, W_RECV, W_RECVFROM, W_RECVMSG, W_RECVMMSG, W_WRITE, W_WRITEV, W_SEND, W_SENDTO, W_SENDMSG, W_SENDMMSG,
            W_SENDFILE, W_SPLICE, W_ACCEPT, W_ACCEPT4, W_CONNECT, W_POLL, W_PPOLL, W_SELECT, W_PSELECT, W_EPOLL_WAIT,
            W_EPOLL_PWAIT, W_EPOLL_PWAIT2, WAITS };
extern const char *const wait_name[WAITS];

int waits_for_input(enum wait);
int is_poll(enum wait);
// Is there such a wait on this kind?
int has_wait(enum wait, enum kind);

// What a wait needs: made before it, and ended by what `finish` does.
struct waiting {
    enum wait wait;
    enum kind kind;
    int fd, peer, set, text;
    struct place place;
};
struct waiting prepare(enum wait, enum kind);
// Make the call: its result as it is, errno set. It must wait.
long begin(const struct waiting *);
// How long a thread must have slept in it, in ms, to be where it stays: a transfer may be tried with an option lent for up to two
// ticks first (docs/limits.md, "A signal in a lent moment").
int settles_in(enum wait);
// Let it end with success: `finish` takes the address of the waiting, as a helper's act does.
void finish(void *waiting);
// What it answers then.
long success_of(const struct waiting *);

#endif
