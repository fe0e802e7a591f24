// Processes: a forked child that goes on with the connections of its thread and hands them back, and programs that are executed with one
// of them.
//
// While any child lives it holds copies of everybody's descriptors, so a close may not yet be seen by the other end. Programs with
// children know that (`world->children`), and ask for less.
#include "chaos.h"
#include <spawn.h>

extern char **environ;

static void reap(struct thread *t, pid_t child) {
    int status;
    while (CALL(t, waitpid, -1, child, &status, 0) < 0)
        MUST(t, errno == EINTR);
    atomic_fetch_sub(&world->alive, 1);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
        fault(t, "a child saw the fault that is told above");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fault(t, "a child ended with status %x", status);
}

void child_forked(struct thread *t) {
    struct {
        int64_t wait_read, wait_write, written, touched;
    } clocks[CONNS][2];
    // What the child does on a socket the parent's clocks need not notice.
    for (int i = 0; i < CONNS; i++)
        for (int s = 0; s < 2; s++) {
            struct end *e = &t->conns[i].end[s];
            clocks[i][s].wait_read = e->wait_read, clocks[i][s].wait_write = e->wait_write;
            clocks[i][s].written = e->written, clocks[i][s].touched = e->touched;
        }
    unsigned operations = 20 + below(t, 100);
    atomic_fetch_add(&world->alive, 1);
    pid_t child = (pid_t)CALL(t, fork, -1);
    MUST(t, child >= 0);
    if (child == 0) {
        t->child = true;
        for (unsigned i = 0; i < operations; i++)
            switch (below(t, 6)) {
                case 0:
                case 1: do_send(t); break;
                case 2:
                case 3: do_receive(t); break;
                case 4: do_poll(t); break;
                default: do_nonblock(t); break;
            }
        _exit(0);
    }
    reap(t, child);
    t->child = false;
    for (int i = 0; i < CONNS; i++)
        for (int s = 0; s < 2; s++) {
            struct end *e = &t->conns[i].end[s];
            e->wait_read = clocks[i][s].wait_read, e->wait_write = clocks[i][s].wait_write;
            e->written = clocks[i][s].written, e->touched = clocks[i][s].touched;
        }
}

void child_executed(struct thread *t) {
    unsigned char bytes[512];
    struct conn *c = whole(t, one_in(t, 2) ? STREAM : TCP, NONE);
    promise(t, c, 1, 16 + below(t, 200));
    int fd = t->job.fd;
    char words[4][24];
    snprintf(words[0], 24, "%d", fd);
    snprintf(words[1], 24, "%u", c->id);
    snprintf(words[2], 24, "%llu", (unsigned long long)t->job.when);
    snprintf(words[3], 24, "%u", t->job.length);
    char *arguments[] = {"chaos", "--child", words[0], words[1], words[2], words[3], NULL};
    MUST(t, CALL(t, fcntl, fd, fd, F_SETFD, 0) == 0);
    atomic_fetch_add(&world->alive, 1);
    volatile pid_t child;
    if (one_in(t, 2)) {
        pid_t spawned;
        MUST(t, CALL(t, posix_spawn, -1, &spawned, "/proc/self/exe", NULL, NULL, arguments, environ) == 0);
        child = spawned;
    } else {
        child = vfork();
        if (child == 0) {
            execve("/proc/self/exe", arguments, environ);
            _exit(4);
        }
        t->calls += 2;
    }
    MUST(t, child > 0);
    MUST(t, CALL(t, fcntl, fd, fd, F_SETFD, FD_CLOEXEC) == 0);
    if (c->end[0].nonblock)
        set_blocking(t, c, 0, true);
    int64_t until = now() + 20 * SECOND;
    while (waiting(c, 0)) {
        struct receive r = {.to = bytes, .length = sizeof bytes};
        if (receive(t, c, 0, &r) < 0 && now() > until)
            fault(t, "what an executed child wrote does not come");
    }
    reap(t, child);
}

// The executed child: FD ID POSITION LENGTH.
int executed(char **arguments) {
    unsigned char bytes[512];
    struct conn c = {.id = (uint32_t)strtoul(arguments[1], NULL, 10)};
    size_t length = strtoul(arguments[3], NULL, 10), done = 0;
    if (length > sizeof bytes)
        return 5;
    fill(&c, 1, strtoull(arguments[2], NULL, 10), bytes, length);
    while (done < length) {
        ssize_t n = write(atoi(arguments[0]), bytes + done, length - done);
        if (n > 0)
            done += (size_t)n;
        else if (errno != EINTR && errno != ENOBUFS && errno != EAGAIN)
            return 6;
    }
    return 0;
}
