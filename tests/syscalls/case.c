// The lines, the canaries and main. What is said here about a line's form is what `run` reads: `NAME: OBSERVED; fds=N<tab>WANTED`; and
// `@CASE` before each case.
#include "case.h"

#include "door.h"
#include "place.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MOST_OPEN = 64, CASE_SECONDS = 20 };

static struct a_case *first, **last = &first;
static const struct a_case *current;
static char title[256], observed[4096];
static size_t length;
static unsigned char was_open[MOST_OPEN];
volatile int signals_seen;
static volatile int pipes_broken;
int is_musl;

void add_case(struct a_case *added) {
    *last = added;
    last = &added->next;
}

static void add(const char *format, va_list list) {
    int n = vsnprintf(observed + length, sizeof observed - length, format, list);
    length += n > 0 && (size_t)n < sizeof observed - length ? (size_t)n : 0;
}

void see(const char *format, ...) {
    va_list list;
    if (length) {
        observed[length++] = ' ';
    }
    va_start(list, format);
    add(format, list);
    va_end(list);
}

static int is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

static void group_of(char *group, size_t size) {
    const char *base = strrchr(current->file, '/');
    snprintf(group, size, "%s", base ? base + 1 : current->file);
    group[strcspn(group, ".")] = 0;
}

void line(const char *format, ...) {
    char group[64], rest[128];
    va_list list;
    va_start(list, format);
    vsnprintf(rest, sizeof rest, format, list);
    va_end(list);
    group_of(group, sizeof group);
    snprintf(title, sizeof title, "%s.%s%s%s", group, current->name, *rest ? " " : "", rest);
    length = 0;
    observed[0] = 0;
    signals_seen = pipes_broken = 0;
}

const char *so_far(void) { return observed; }

void did(long result) {
    int error = errno;
    // Everything before `see`: it may change errno.
    if (result == -1) {
        see("ret=-1 errno=%s", error_name(error));
    } else {
        see("ret=%ld errno=%s", result, error == UNTOUCHED ? "kept" : error_name(error));
    }
}

void broken(const char *what) {
    int error = errno;
    see("BROKEN(%s: %s)", what, error_name(error));
}

void want(const char *format, ...) {
    char wanted[2048];
    int open_now = 0;
    va_list list;
    va_start(list, format);
    vsnprintf(wanted, sizeof wanted, format, list);
    va_end(list);
    if (pipes_broken) {
        see("sigpipe=%d", pipes_broken);
    }
    for (int fd = 3; fd < MOST_OPEN; fd++) {
        if (!was_open[fd] && is_open(fd)) {
            open_now++;
            close(fd);
        }
    }
    printf("%s: %s; fds=%d\t%s\n", title, observed, open_now, wanted);
    fflush(stdout);
}

static void broken_pipe(int number) {
    (void)number;
    pipes_broken++;
}

static void counted(int number) {
    (void)number;
    signals_seen++;
}

static void handle(int number, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(number, &action, NULL);
}

void count_signal(int number, int with_restart) { handle(number, counted, with_restart ? SA_RESTART : 0); }
void count_signal_no_more(int number) { handle(number, SIG_DFL, 0); }

struct buffer fresh(void) {
    struct buffer buffer;
    memset(&buffer, CANARY, sizeof buffer);
    return buffer;
}

static int whole(const unsigned char *canary, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (canary[i] != CANARY) {
            return 0;
        }
    }
    return 1;
}

static size_t written(const void *from, size_t size) {
    const unsigned char *bytes = from;
    while (size > 0 && bytes[size - 1] == CANARY) {
        size--;
    }
    return size;
}

const char *text_of(const struct buffer *buffer) {
    static char texts[8][ROOM * 4 + 16];
    static int turn;
    char *text = texts[turn = (turn + 1) % 8];
    size_t size = written(buffer->bytes, ROOM), at = 0;
    if (!whole(buffer->before, sizeof buffer->before) || !whole(buffer->after, sizeof buffer->after)) {
        return "OVERRUN";
    }
    if (size == 0) {
        return "kept";
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char c = buffer->bytes[i];
        at += (size_t)sprintf(text + at, c > ' ' && c < 127 ? "%c" : "\\%02x", c);
    }
    return text;
}

struct name fresh_name(socklen_t size) {
    struct name name;
    memset(&name, CANARY, sizeof name);
    name.length = size;
    return name;
}

void see_name(const struct name *name) {
    size_t size = written(&name->address, sizeof name->address);
    const char *family = size == 0 ? "kept" : "odd";
    if (!whole(name->before, sizeof name->before) || !whole(name->after, sizeof name->after)) {
        family = "OVERRUN";
    } else if (size >= 2) {
        int number = name->address.ss_family;
        family = number == AF_INET ? "inet" : number == AF_INET6 ? "inet6" : number == AF_UNIX ? "unix" : "other";
    }
    see("name=%s/%zu namelen=%d", family, size, (int)name->length);
}

#define ERRORS(_)                                                                                                          \
    _(EPERM) _(ENOENT) _(ESRCH) _(EINTR) _(EIO) _(ENXIO) _(E2BIG) _(ENOEXEC) _(EBADF) _(ECHILD) _(EAGAIN) _(ENOMEM)       \
    _(EACCES) _(EFAULT) _(EBUSY) _(EEXIST) _(ENODEV) _(ENOTDIR) _(EISDIR) _(EINVAL) _(ENFILE) _(EMFILE) _(ENOTTY) _(EFBIG) \
    _(ENOSPC) _(ESPIPE) _(EROFS) _(EMLINK) _(EPIPE) _(EDOM) _(ERANGE) _(EDEADLK) _(ENAMETOOLONG) _(ENOSYS) _(ELOOP)        \
    _(EPROTO) _(EOVERFLOW) _(ENOTSOCK) _(EDESTADDRREQ) _(EMSGSIZE) _(EPROTOTYPE) _(ENOPROTOOPT) _(EPROTONOSUPPORT)         \
    _(ESOCKTNOSUPPORT) _(EOPNOTSUPP) _(EPFNOSUPPORT) _(EAFNOSUPPORT) _(EADDRINUSE) _(EADDRNOTAVAIL) _(ENETDOWN)            \
    _(ENETUNREACH) _(ECONNABORTED) _(ECONNRESET) _(ENOBUFS) _(EISCONN) _(ENOTCONN) _(ETIMEDOUT) _(ECONNREFUSED)            \
    _(EHOSTUNREACH) _(EALREADY) _(EINPROGRESS) _(ECANCELED) _(ETOOMANYREFS) _(EHOSTDOWN) _(ETXTBSY) _(EXDEV) _(ENONET)

const char *error_name(int error) {
#define NAMED(e) case e: return #e;
    switch (error) {
        ERRORS(NAMED)
        case 0: return "0";
        case UNTOUCHED: return "kept";
        default: return "OTHER";
    }
}

// What is open from `from` on: kinds of files, and how many of each.
static void see_open(int from) {
    enum { KINDS_SEEN = 32 };
    static char kinds[KINDS_SEEN][96];
    int many[KINDS_SEEN] = {0}, known = 0;
    DIR *listing = opendir("/proc/self/fd");
    struct dirent *entry;
    while (listing && (entry = readdir(listing))) {
        int fd = atoi(entry->d_name), at = 0;
        if (entry->d_name[0] == '.' || fd < from || fd == dirfd(listing)) {
            continue;
        }
        char path[64], what[64], kind[96];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(path, what, sizeof what - 1);
        what[n > 0 ? n : 0] = 0;
        // Without numbers of processes and of sockets.
        char *end = what;
        for (char *c = what; *c; c++) {
            if (*c < '0' || *c > '9') {
                *end++ = *c;
            }
        }
        *end = 0;
        snprintf(kind, sizeof kind, "%s%s", what, fd < MOST_OPEN && was_open[fd] ? "" : "(new)");
        while (at < known && strcmp(kinds[at], kind) != 0) {
            at++;
        }
        if (at == known && known < KINDS_SEEN) {
            strcpy(kinds[known++], kind);
        }
        many[at]++;
    }
    for (int at = 0; at < known; at++) {
        see("%s*%d", kinds[at], many[at]);
    }
    if (listing) {
        closedir(listing);
    }
}

// A case of one name that the harness itself reports.
static void report_open(const char *name) {
    struct a_case here = {"suite", name, NULL, NULL};
    current = &here;
    line("%s", "");
    see_open(3);
    printf("%s: %s; fds=0\t%s\n", title, observed, observed);
    fflush(stdout);
}

static int chosen(const char *group, const char *filter) {
    char own[64];
    group_of(own, sizeof own);
    return strcmp(own, group) == 0 && (!filter || strcmp(current->name, filter) == 0);
}

static void list(void) {
    char previous[64] = "", group[64];
    for (current = first; current; current = current->next) {
        group_of(group, sizeof group);
        if (strcmp(group, previous) != 0) {
            puts(group);
        }
        strcpy(previous, group);
    }
}

// suite --list | --child DOOR WHAT FD | DOOR GROUP [CASE [last]]; with `last` begin after that case.
int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--child") == 0) {
        static const struct a_case child = {"child", "child", NULL, NULL};
        current = &child;
        return run_child(argc, argv);
    }
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list();
        return 0;
    }
    if (argc < 3 || !(call = door_named(argv[1]))) {
        return 2;
    }
#ifndef __GLIBC__
    is_musl = 1;
#endif
    handle(SIGPIPE, broken_pipe, SA_RESTART);
    settle_in();
    for (int fd = 0; fd < MOST_OPEN; fd++) {
        was_open[fd] = (unsigned char)is_open(fd);
    }
    report_open("descriptors_at_the_beginning");
    int after = argc > 4;
    for (current = first; current; current = current->next) {
        const struct a_case *running = current;
        if (chosen(argv[2], after || argc < 4 ? NULL : argv[3])) {
            if (after) {
                after = strcmp(current->name, argv[3]) != 0;
                continue;
            }
            printf("@%s\n", running->name);
            fflush(stdout);
            // The usual case takes microseconds: one that hangs is killed, and the runner goes on behind it.
            alarm(CASE_SECONDS);
            running->body();
        }
        current = running;
    }
    report_open("descriptors_at_the_end");
    puts("suite.ended: ; fds=0\t");
    fflush(stdout);
    sweep_scratch();
    return 0;
}
