// What a case of the syscall suite is written with: a line has a name, what the calls answered, whatever else can be observed, and
// what the manual page lets expect. Nothing here knows a socket (place.h) or how a call is made (door.h).
#ifndef CASE_H
#define CASE_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

// A case: a function that prints one line or several. It runs in its file's order.
struct a_case {
    const char *file, *name;
    void (*body)(void);
    struct a_case *next;
};
void add_case(struct a_case *);
#define CASE(title)                                                            \
    static void title(void);                                                   \
    static struct a_case entry_##title = {__FILE__, #title, title, NULL};      \
    __attribute__((constructor)) static void add_##title(void) { add_case(&entry_##title); } \
    static void title(void)

// Begin a line; its name is the file's, the case's and this (which may be empty).
void line(const char *format, ...) __attribute__((format(printf, 1, 2)));
// What a call answered: `ret=` and `errno=`. errno is a mark before the call and must be it after a success.
enum { UNTOUCHED = 4242 };
void did(long result);
#define RET(...) (errno = UNTOUCHED, did((long)(__VA_ARGS__)))
// Anything else to be observed.
void see(const char *format, ...) __attribute__((format(printf, 1, 2)));
// What was seen so far in this line: for a child, which says it to its parent.
const char *so_far(void);
// End the line: what is expected of it; ` || ` between answers of which each is right, where it is left to chance. Descriptors that it left open are counted, and closed.
void want(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define OK(n) "ret=" #n " errno=kept"
#define FAIL(e) "ret=-1 errno=" #e

// The name of an error, for the lines.
const char *error_name(int error);
// A part of the preparation went wrong: the line says which, and cannot be right.
void broken(const char *what);
#define NEED(condition) ((condition) ? (void)0 : broken(#condition))

// A buffer between canaries.
enum { ROOM = 96, CANARY = 0xAA };
struct buffer {
    unsigned char before[32], bytes[ROOM], after[32];
};
struct buffer fresh(void);
// What was written into it: the text up to the last byte that changed, `kept` if none did, OVERRUN if a canary did.
const char *text_of(const struct buffer *);

// An address as an out parameter, between canaries.
struct name {
    unsigned char before[16];
    struct sockaddr_storage address;
    unsigned char after[16];
    socklen_t length;
};
struct name fresh_name(socklen_t length);
// `name=FAMILY/bytes written namelen=N`.
void see_name(const struct name *);

// How many signals the counting handlers have seen since the line began.
extern volatile int signals_seen;
void count_signal(int number, int with_restart);
void count_signal_no_more(int number);

// What the suite does where a case executes it (executing.c).
int run_child(int argc, char **argv);

// Conditions that a case may have to know, from the environment.
extern int is_musl;

#endif
