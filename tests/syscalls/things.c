// What can be waited on and is no socket (things.h).
#include "things.h"

#include "case.h"
#include "place.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <unistd.h>

const char *const thing_name[THINGS] = {"pipe", "full-pipe", "fifo", "terminal", "eventfd", "timerfd", "signalfd", "inotify"};
const size_t thing_size[THINGS] = {8, 100, 8, 8, 8, 8, 128, 512};
const int thing_answer[THINGS] = {3, 100, 3, 3, 8, 8, 128, 32};

// A signal that nobody else uses, held back by every thread.
enum { RELAYED = SIGWINCH };

struct pair_of thing(enum thing what, int blocking) {
    static char much[2 * PIPE_BUF];
    struct pair_of pair = {.what = what, .here = -1, .there = -1};
    int ends[2], flags = blocking ? 0 : O_NONBLOCK;
    sigset_t relayed_set;
    sigemptyset(&relayed_set);
    sigaddset(&relayed_set, RELAYED);
    switch (what) {
        case PIPE_EMPTY:
        case PIPE_FULL:
            NEED(pipe(ends) == 0);
            pair.here = ends[what == PIPE_FULL];
            pair.there = ends[what != PIPE_FULL];
            if (what == PIPE_FULL) {
                NEED(fcntl(pair.here, F_SETPIPE_SZ, PIPE_BUF) == PIPE_BUF && write(pair.here, much, PIPE_BUF) == PIPE_BUF);
            }
            break;
        case FIFO:
            NEED(mkfifo(scratch("fifo"), 0600) == 0);
            pair.there = open(scratch("fifo"), O_RDWR);
            pair.here = open(scratch("fifo"), O_RDONLY);
            unlink(scratch("fifo"));
            break;
        case TERMINAL: {
            struct termios how;
            pair.there = open("/dev/ptmx", O_RDWR | O_NOCTTY);
            NEED(grantpt(pair.there) == 0 && unlockpt(pair.there) == 0);
            pair.here = open(ptsname(pair.there), O_RDWR | O_NOCTTY);
            NEED(tcgetattr(pair.here, &how) == 0);
            how.c_lflag &= (tcflag_t)~ECHO;
            NEED(tcsetattr(pair.here, TCSANOW, &how) == 0);
            break;
        }
        case COUNTER: pair.here = eventfd(0, 0); break;
        case TIMER: pair.here = timerfd_create(CLOCK_MONOTONIC, 0); break;
        case SIGNALS:
            sigprocmask(SIG_BLOCK, &relayed_set, NULL);
            // One that was never read is taken away.
            sigtimedwait(&relayed_set, NULL, &(struct timespec){0, 0});
            pair.here = signalfd(-1, &relayed_set, 0);
            break;
        default:
            pair.here = inotify_init1(0);
            unlink(scratch("comes"));
            NEED(inotify_add_watch(pair.here, scratch("."), IN_CREATE) >= 0);
            break;
    }
    NEED(pair.here >= 0 && fcntl(pair.here, F_SETFL, fcntl(pair.here, F_GETFL) | flags) == 0);
    return pair;
}

void let_come(struct pair_of *pair) {
    static char much[PIPE_BUF];
    struct itimerspec soon = {.it_value = {0, 1}};
    uint64_t one = 1;
    int fd;
    switch (pair->what) {
        case PIPE_EMPTY:
        case FIFO: NEED(write(pair->there, "abc", 3) == 3); break;
        case TERMINAL: NEED(write(pair->there, "ab\n", 3) == 3); break;
        case PIPE_FULL: NEED(read(pair->there, much, PIPE_BUF) == PIPE_BUF); break;
        case COUNTER: NEED(write(pair->here, &one, 8) == 8); break;
        case TIMER: NEED(timerfd_settime(pair->here, 0, &soon, NULL) == 0); break;
        case SIGNALS: NEED(kill(getpid(), RELAYED) == 0); break;
        default:
            fd = open(scratch("comes"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
            NEED(fd >= 0);
            close(fd);
            break;
    }
}

void let_come_later(struct pair_of *pair, pid_t caller) {
    while (!pair->returned && !sleeps(caller, 0)) {
    }
    if (!pair->returned) {
        let_come(pair);
    }
}
