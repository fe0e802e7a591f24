// The states that a socket can be in, and which of poll's bits each has.
#ifndef STATES_H
#define STATES_H

#include "place.h"

enum state { QUIET, READABLE, FULL, PEER_SHUT, DATA_THEN_SHUT, PEER_CLOSED, RESET, SHUT_FOR_READING, SHUT_FOR_WRITING, SHUT_BOTH, URGENT,
             UNCONNECTED, LISTENING, CLIENT_WAITS, REFUSED, STATES };
extern const char *const state_name[STATES];
int has_state(enum kind, enum state);
// A socket in that state, which stays in it until `leave_state`, also over the end of lines.
int in_state(enum kind, enum state);
void leave_state(void);
// What poll(2) says about it when asked for everything.
unsigned bits_of(enum kind, enum state);
// IN|OUT, or - for none.
const char *events_text(unsigned events);

#endif
