// A filter that kills for what the making of a page takes kills nobody: who installs one before his first connection has no page and
// keeps his deadlines, and who had his page goes on counting in it. (Where a filter forbids what deadlines need there are none from
// then on, and nothing to count.)
// Source: SEMANTICS "Sandboxes"; SECURITY 9; src/host/sandbox.rs (seal_page).
//
// env: NETDEADLINE_RULES="to 127.0.0.0/24 read=200ms"
#include "sec_seccomp.h"
#include "stats_page.h"

static struct sockaddr_in at;
static int listener;

static void dial(bool expires) {
    int fd = nd_connect(&at), peer = nd_raw_accept(listener);
    char byte;
    CHECK_EQ(send(fd, "a", 1, MSG_NOSIGNAL), 1);
    if (!expires) CHECK_EQ(nd_raw_write(peer, "b", 1), 1);
    errno = 0;
    ssize_t got = recv(fd, &byte, 1, 0);
    if (expires ? got != -1 || errno != ETIMEDOUT : got != 1) FAIL("%zd, errno %d", got, errno);
    close(fd);
    nd_raw_close(peer);
}
static void sandboxed(enum sec_door door, bool had, const int *calls, size_t count, bool bounded) {
    int files = st_files();
    pid_t child = fork();
    if (!child) {
        if (had) dial(false);
        sec_install(door, calls, count, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ALLOW);
        dial(false);
        if (bounded) dial(true);
        dial(false);
        // What it forks is under the same filter, and has none.
        pid_t grandchild = fork();
        if (!grandchild) {
            dial(false);
            _exit(0);
        }
        CHECK_CHILD_OK(grandchild, 5 * SEC);
        _exit(0);
    }
    int status = nd_reap(child, 10 * SEC);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no seccomp");
    if (status) FAIL("door %d, page %d, %zu calls: status 0x%x", (int)door, had, count, (unsigned)status);
    CHECK_EQ(st_files(), files + had);
    if (!had) return;
    const struct st_destination *place = st_to(st_page_of(child), &at);
    CHECK_EQ(place->connections, bounded ? 4 : 1);
    CHECK_WAITS(place, ST_CONNECT, .ended = bounded ? 4 : 1);
    CHECK_WAITS(place, ST_READ, .ended = bounded, .expired = bounded);
    CHECK_WAITS(place, ST_RESPONSE, .ended = bounded ? 3 : 1, .abandoned = bounded);
    CHECK_GAUGES(place, 0, 0, 0);
}

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    listener = st_listener(2, 16, &at);
    const int making[] = {SYS_mkdirat,  SYS_mkdir,      SYS_open,  SYS_fallocate, SYS_unlinkat,
                          SYS_getdents64, SYS_lseek, SYS_geteuid, SYS_kill};
    for (enum sec_door door = BY_PRCTL; door <= BY_SYSCALL; door++) {
        for (int had = 0; had < 2; had++) {
            sandboxed(door, had, making, sizeof making / sizeof *making, true);
            sandboxed(door, had, (const int[]){SYS_mkdirat}, 1, true);
            sandboxed(door, had, (const int[]){SYS_fallocate}, 1, true);
            // The log is a file too.
            sandboxed(door, had, (const int[]){SYS_openat}, 1, false);
            sandboxed(door, had, (const int[]){SYS_mmap}, 1, false);
            sandboxed(door, had, (const int[]){SYS_gettid}, 1, false);
        }
    }
    return 0;
}
