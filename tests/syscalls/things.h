// What can be waited on and is no socket: made so that a read of it (of PIPE_FULL: a write) waits until something comes.
#ifndef THINGS_H
#define THINGS_H

#include <stddef.h>
#include <sys/types.h>

enum thing { PIPE_EMPTY, PIPE_FULL, FIFO, TERMINAL, COUNTER, TIMER, SIGNALS, WATCH, THINGS };
extern const char *const thing_name[THINGS];
// How much is asked for, and what the read or write answers once something has come.
extern const size_t thing_size[THINGS];
extern const int thing_answer[THINGS];

struct pair_of {
    enum thing what;
    int here, there;
    volatile int returned;
};
// Blocking or not.
struct pair_of thing(enum thing, int blocking);
// Let something come; the same once that thread sleeps again, and nothing where its call has returned.
void let_come(struct pair_of *);
void let_come_later(struct pair_of *, pid_t caller);

#endif
