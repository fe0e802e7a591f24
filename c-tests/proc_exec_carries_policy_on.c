// A socket that an exec'ed program inherits is covered there, though that program never saw it connect; the policy follows
// also where the program was given an empty environment, unless NETDEADLINE_CHILDREN=off. Nothing but the policy is added.
// Source: SEMANTICS "fds and processes", exec.
//
// env: NETDEADLINE_READ=300ms
// env: NETDEADLINE_READ=300ms NETDEADLINE_CHILDREN=off
// cap: 60
#include "fd_nd.h"
#include <spawn.h>

extern char **environ;

static int as_child(int fd, int peer, const char *expected) {
    if (!strcmp(expected, "bounded")) {
        CHECK_READ_TIMES_OUT(fd, 300 * MS);
        // The library and its variables, nothing else that the parent had.
        for (char **entry = environ; *entry; entry++)
            if (strncmp(*entry, "NETDEADLINE", 11) && strncmp(*entry, "LD_PRELOAD=", 11) && !getenv("ND_TEST_SHIM"))
                FAIL("a stranger in the environment: %s", *entry);
    } else {
        CHECK_READ_WAITS(fd, peer, 900 * MS);
    }
    return 0;
}

typedef pid_t (*starter)(char **arguments, char **environment);
static char *self = "/proc/self/exe";
static pid_t by_execve(char **arguments, char **environment) {
    pid_t child = fork();
    if (!child) {
        execve(self, arguments, environment);
        _exit(127);
    }
    return child;
}
static pid_t by_execvpe(char **arguments, char **environment) {
    pid_t child = fork();
    if (!child) {
        execvpe(self, arguments, environment);
        _exit(127);
    }
    return child;
}
static pid_t by_execle(char **arguments, char **environment) {
    pid_t child = fork();
    if (!child) {
        execle(self, arguments[0], arguments[1], arguments[2], arguments[3], (char *)NULL, environment);
        _exit(127);
    }
    return child;
}
static pid_t by_execv(char **arguments, char **environment) {
    pid_t child = fork();
    if (!child) {
        environ = environment;
        execv(self, arguments);
        _exit(127);
    }
    return child;
}
static pid_t by_execvp(char **arguments, char **environment) {
    pid_t child = fork();
    if (!child) {
        environ = environment;
        execvp(self, arguments);
        _exit(127);
    }
    return child;
}
static pid_t by_vfork(char **arguments, char **environment) {
    pid_t child = vfork();
    if (!child) {
        execve(self, arguments, environment);
        _exit(127);
    }
    return child;
}
static pid_t by_posix_spawn(char **arguments, char **environment) {
    pid_t child = -1;
    CHECK_EQ(posix_spawn(&child, self, NULL, NULL, arguments, environment), 0);
    return child;
}
static pid_t by_fexecve(char **arguments, char **environment) {
    pid_t child = fork();
    if (!child) {
        fexecve(open(self, O_RDONLY | O_CLOEXEC), arguments, environment);
        _exit(127);
    }
    return child;
}
static const struct {
    const char *name;
    starter start;
} starters[] = {{"execve", by_execve}, {"execvpe", by_execvpe},         {"fexecve", by_fexecve}, {"vfork", by_vfork},
                {"execv", by_execv},   {"posix_spawn", by_posix_spawn}, {"execvp", by_execvp},   {"execle", by_execle}};

int main(int count, char **arguments) {
    if (count == 4) return as_child(atoi(arguments[1]), atoi(arguments[2]), arguments[3]);
    bool off = getenv("NETDEADLINE_CHILDREN") != NULL;
    char fd[16], peer[16], *empty[] = {NULL};
    int failed = 0;
    for (size_t i = 0; i < 2 * sizeof starters / sizeof *starters; i++) {
        bool afresh = i % 2;
        struct nd_pair pair = nd_tcp_pair();
        snprintf(fd, sizeof fd, "%d", (int)nd_raw(SYS_dup, pair.client, 0, 0, 0, 0, 0));
        snprintf(peer, sizeof peer, "%d", (int)nd_raw(SYS_dup, pair.peer, 0, 0, 0, 0, 0));
        char *child_arguments[] = {"child", fd, peer, off ? "free" : "bounded", NULL};
        pid_t child = starters[i / 2].start(child_arguments, afresh ? empty : environ);
        // Bytes long after the deadline, so that a child without one ends all the same, and says so.
        struct nd_later later;
        if (!off) nd_sender_start(&later, pair.peer, 1500 * MS);
        int status = nd_reap(child, 8 * SEC);
        if (!off) nd_join(later.thread, 5 * SEC);
        if (status) {
            fprintf(stderr, "child of %s with %s environment: status 0x%x\n", starters[i / 2].name,
                    afresh ? "an empty" : "our", (unsigned)status);
            failed++;
        }
        nd_pair_close(&pair);
        nd_raw_close(atoi(fd));
        nd_raw_close(atoi(peer));
    }
    CHECK_EQ(failed, 0);
    return 0;
}
