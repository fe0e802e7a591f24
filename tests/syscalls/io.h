// The calls that move bytes, each in one form: so that a case can go through all of them. What they print is the same for all.
#ifndef IO_H
#define IO_H

#include "place.h"

#include <stddef.h>

enum reading { READ, READV, RECV, RECVFROM, RECVMSG, RECVMMSG, READINGS };
enum writing { WRITE, WRITEV, SEND, SENDTO, SENDMSG, SENDMMSG, WRITINGS };
extern const char *const reading_name[READINGS], *const writing_name[WRITINGS];

// Read with room for so many bytes (ROOM at most), in two pieces where there is a vector; print what came of it, and everything
// that an error must leave as it was.
void do_read(enum reading, int fd, size_t room, int flags);
// What that prints after a success (the name is the kind's) and after an error.
const char *reads(enum reading, enum kind, const char *text);
const char *reads_not(enum reading, const char *error);

// The same for writing a text.
void do_write(enum writing, int fd, const char *text, int flags);
const char *writes(enum writing, const char *text);
const char *writes_not(enum writing, const char *error);

// See what is there to be read, without waiting: `left=`.
void see_left(int fd);
// Send it, or it cannot be what the case says.
void put(int fd, const char *text);

#endif
