// What the files about connect share: the call, what can be seen of an attempt, and a host that is dead.
#ifndef DIALLING_H
#define DIALLING_H

#include "place.h"

#define TCPS(kind, mode)                               \
    for (int tcp = 0; tcp < 2; tcp++)                  \
        for (enum mode mode = 0; mode < MODES; mode++) \
            for (enum kind kind = tcp_kinds[tcp], once = 0; !once; once = 1)
extern const enum kind tcp_kinds[2];

int dial(int fd, const struct place *);
// `so_error=`, `poll=N/events` of all that can be asked for, `peer=` the family of the peer's name or why there is none.
void see_error(int fd);
void see_events(int fd, int ms);
void see_peer(int fd);

// One that listens, and to which every packet is lost: its host is dead until it is made to hear.
int silent(enum kind, struct place *);
void awake(void *listener);

#endif
