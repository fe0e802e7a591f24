// A stderr whose reader is gone does not kill the program by SIGPIPE, nor leaves one pending, nor runs its handler; one
// whose reader sleeps (a full pipe, a full socket) does not hold it up.
// Source: SECURITY 4.
//
// native: no
// log: no
#include "sec_spawn.h"

static volatile sig_atomic_t pipes;
static void on_pipe(int number) {
    (void)number;
    pipes = pipes + 1;
}
static int as_child(bool with_handler) {
    struct sigaction action = {.sa_handler = on_pipe};
    if (with_handler) sigaction(SIGPIPE, &action, NULL);
    else signal(SIGPIPE, SIG_DFL);
    struct nd_pair pair = nd_tcp_pair();
    char byte;
    int64_t start = nd_now();
    errno = 0;
    if (read(pair.client, &byte, 1) != -1 || errno != ETIMEDOUT) return 51;
    if (nd_now() - start > 3 * SEC) return 52;
    sigset_t pending, mask;
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    if (pipes || sigismember(&pending, SIGPIPE) || sigismember(&mask, SIGPIPE)) return 53;
    // A SIGPIPE of the program's own still works.
    if (with_handler) {
        int ends[2];
        if (pipe(ends)) return 54;
        close(ends[0]);
        if (write(ends[1], "x", 1) != -1 || pipes != 1) return 55;
    }
    return 0;
}
static pid_t start_with_stderr(int fd, char *how, char *log) {
    pid_t child = fork();
    if (!child) {
        char preload[600], *environment[] = {preload, "NETDEADLINE_READ=200ms", log, NULL}, *again[] = {"child", how, NULL};
        nd_raw(SYS_dup2, fd, 2, 0, 0, 0, 0);
        nd_raw(SYS_close_range, 3, ~0U, 0, 0, 0, 0);
        snprintf(preload, sizeof preload, "LD_PRELOAD=%s", getenv("ND_TEST_LIB"));
        nd_raw(SYS_execve, (long)"/proc/self/exe", (long)again, (long)environment, 0, 0, 0);
        _exit(127);
    }
    return child;
}

int main(int count, char **arguments) {
    static char block[65536];
    if (count == 2) return as_child(!strcmp(arguments[1], "handler"));
    char *ways[] = {"default", "handler"};
    for (int i = 0; i < 2; i++) {
        int dead[2], full[2], stuck[2], gone[2];
        MUST(pipe(dead));
        close(dead[0]);
        CHECK_CHILD_OK(start_with_stderr(dead[1], ways[i], "NETDEADLINE_LOG=stderr"), 8 * SEC);
        MUST(pipe(full));
        MUST(fcntl(full[1], F_SETFL, O_WRONLY | O_NONBLOCK));
        while (nd_raw_write(full[1], block, sizeof block) > 0) {}
        while (nd_raw_write(full[1], block, 1) > 0) {}
        MUST(fcntl(full[1], F_SETFL, O_WRONLY));
        CHECK_CHILD_OK(start_with_stderr(full[1], ways[i], "NETDEADLINE_LOG=stderr"), 8 * SEC);
        MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, stuck));
        while (nd_raw(SYS_sendto, stuck[1], (long)block, sizeof block, MSG_DONTWAIT, 0, 0) > 0) {}
        while (nd_raw(SYS_sendto, stuck[1], (long)block, 1, MSG_DONTWAIT, 0, 0) > 0) {}
        CHECK_CHILD_OK(start_with_stderr(stuck[1], ways[i], "NETDEADLINE_LOG=stderr"), 8 * SEC);
        MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, gone));
        close(gone[0]);
        CHECK_CHILD_OK(start_with_stderr(gone[1], ways[i], "NETDEADLINE_LOG=stderr"), 8 * SEC);
    }
    return 0;
}
