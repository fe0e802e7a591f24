// Children of a case (children.h).
#include "children.h"

#include "case.h"
#include "door.h"
#include "io.h"
#include "place.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

const char *const way_name[WAYS_OF] = {"fork", "clone"};

static pid_t forked(enum way_of way) {
    if (way == BY_CLONE) {
        return (pid_t)syscall(SYS_clone, SIGCHLD, 0L, 0L, 0L, 0L);
    }
    return call->raw ? (pid_t)syscall(SYS_fork) : fork();
}

void see_report(pid_t child, int ends[2]) {
    char text[3000];
    size_t length = 0;
    int status = -1;
    close(ends[1]);
    for (ssize_t n = 1; n > 0 && length < sizeof text - 1;) {
        n = read(ends[0], text + length, sizeof text - 1 - length);
        length += n > 0 ? (size_t)n : 0;
    }
    close(ends[0]);
    text[length] = 0;
    NEED(child > 0 && waitpid(child, &status, 0) == child);
    see("{%s} %s=%d", text, WIFSIGNALED(status) ? "killed" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

void see_child(enum way_of way, void (*body)(void)) {
    int ends[2];
    NEED(pipe(ends) == 0);
    pid_t child = forked(way);
    if (child == 0) {
        alarm(15);
        line("%s", "");
        body();
        _exit(write(ends[1], so_far(), strlen(so_far())) < 0);
    }
    see_report(child, ends);
}

static struct {
    pid_t child, parent;
    int peer;
} sleeper;

void *begin_child(int peer) {
    sleeper.peer = peer;
    sleeper.parent = own_tid();
    sleeper.child = fork();
    if (sleeper.child == 0) {
        alarm(15);
        pause();
        _exit(0);
    }
    return &sleeper;
}

void end_the_child(void *unused) {
    (void)unused;
    NEED(kill(sleeper.child, SIGKILL) == 0);
    for (int i = 0; i < 5000 && !signals_seen; i++) {
        pause_ms(1);
    }
    // Where the parent's call is over this is not read.
    pause_ms(5);
    NEED(write(sleeper.peer, "more", 4) == 4);
}
