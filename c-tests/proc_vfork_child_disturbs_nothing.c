// A vfork child shares the parent's memory: what it closes, dups over and opens before exec is its own affair. The parent's
// accepted socket stays accepted, its lifetime goes on, its unix socket stays unmanaged.
// Source: SEMANTICS "fds and processes" (a vfork child ... may read the tables, never write them); vfork(2).
//
// env: NETDEADLINE_READ=300ms NETDEADLINE_LIFETIME=2500ms
#include "fd_nd.h"
#include <spawn.h>

extern char **environ;

int main(void) {
    int64_t start = nd_now();
    struct nd_pair pair = nd_tcp_pair();
    struct fd_served served = fd_serve();
    int ends[2], status;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    int null = MUST(open("/dev/null", O_RDWR | O_CLOEXEC));
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);

    volatile pid_t child = vfork();
    if (child == 0) {
        // What a spawner does; connected over accepted and unix numbers, to leave as much wrong as possible.
        close(pair.client);
        dup2(null, pair.client);
        dup2(served.served, 50);
        close(served.served);
        close(ends[0]);
        socket(AF_INET, SOCK_STREAM, 0);
        socket(AF_INET, SOCK_STREAM, 0);
        fcntl(ends[1], F_DUPFD, 51);
        execl("/bin/true", "true", (char *)NULL);
        _exit(127);
    }
    CHECK(child > 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);
    CHECK_READ_WAITS(served.served, served.client, 600 * MS);
    CHECK_READ_WAITS(ends[0], ends[1], 600 * MS);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addclose(&actions, served.served);
    posix_spawn_file_actions_adddup2(&actions, null, pair.client);
    char *arguments[] = {"true", NULL};
    pid_t spawned;
    CHECK_EQ(posix_spawn(&spawned, "/bin/true", &actions, NULL, arguments, environ), 0);
    CHECK_EQ(waitpid(spawned, &status, 0), spawned);
    CHECK_EQ(status, 0);
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);
    CHECK_READ_WAITS(served.served, served.client, 600 * MS);

    nd_sleep(start + 2500 * MS + 20 * MS - nd_now());
    char byte;
    int64_t before = nd_now();
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_AT_ONCE(before, 250 * MS);
    return 0;
}
