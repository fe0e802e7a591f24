// Children of a case: made in several ways; what they see is told to the parent, whose line it becomes.
#ifndef CHILDREN_H
#define CHILDREN_H

#include <sys/types.h>

// fork, or the system calls that have its meaning by number.
enum way_of { BY_FORK, BY_CLONE, WAYS_OF };
extern const char *const way_name[WAYS_OF];

// Run the body in a child: `{what it saw} status=N`, or `killed=N`.
void see_child(enum way_of, void (*body)(void));
// See the same of a child that writes to this end of a pipe, and close both ends here.
void see_report(pid_t child, int ends[2]);
// The number that an executed child reports to.
enum { REPORT = 61 };

// A child that sleeps until it is killed by `end_the_child`; after which, where the parent waits on, there is "more" for it.
void *begin_child(int peer);
void end_the_child(void *child);

#endif
