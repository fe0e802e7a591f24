// Counting makes no system call: once there is a page, the same workload makes the same calls with it as without, but for what it
// takes to know a new connection's destination and to describe an expiry.
// Source: issue 6 "no cost where it is off"; src/engine/op/measure.rs.
//
// log: no
#include "sec_spawn.h"
#include "stats_page.h"
#include <sys/ptrace.h>
#include <sys/user.h>

enum { NUMBERS = 512, MARK = 7654321 };

static int work(void) {
    struct sockaddr_in at;
    char byte;
    int listener = st_listener(2, 8, &at), first = nd_connect(&at);
    struct pollfd entry = {.events = POLLIN};
    nd_raw_accept(listener);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) || raise(SIGSTOP)) return 70;
    nd_raw(SYS_getpgid, MARK, 0, 0, 0, 0, 0);
    for (int i = 0; i < 20; i++) {
        // Blocking, and not; each with a wait that is begun, and one that has what it wants.
        int fd = nd_connect(&at), peer = nd_raw_accept(listener);
        CHECK_EQ(send(fd, "a", 1, MSG_NOSIGNAL), 1);
        CHECK_EQ(nd_raw_write(peer, "bcd", 3), 3);
        CHECK_EQ(read(fd, &byte, 1), 1);
        nd_nonblocking(fd);
        entry.fd = fd;
        CHECK_EQ(poll(&entry, 1, 1000), 1);
        CHECK_EQ(recv(fd, &byte, 1, 0), 1);
        CHECK_EQ(read(fd, &byte, 1), 1);
        CHECK_ERRNO(read(fd, &byte, 1), EAGAIN);
        CHECK_EQ(write(fd, "a", 1), 1);
        CHECK_EQ(nd_raw_write(peer, "b", 1), 1);
        CHECK_EQ(read(fd, &byte, 1), 1);
        int twin = MUST(dup(fd));
        close(fd);
        close(twin);
        nd_raw_close(peer);
    }
    nd_raw(SYS_getpgid, MARK, 0, 0, 0, 0, 0);
    close(first);
    return 0;
}
// How often each number was called between the marks.
static void calls_of(const char *stats, long counts[NUMBERS]) {
    char *again[] = {"child", "work", NULL};
    memset(counts, 0, NUMBERS * sizeof *counts);
    pid_t child = fork();
    if (!child) {
        setenv("NETDEADLINE_RULES", "to 127.0.0.0/24 read=1h response=1h", 1);
        setenv("NETDEADLINE_STATS", stats, 1);
        execv("/proc/self/exe", again);
        _exit(127);
    }
    int status, marks = 0;
    CHECK_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) SKIP("no ptrace here");
    MUST(ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)(long)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)));
    for (;;) {
        MUST(ptrace(PTRACE_SYSCALL, child, NULL, NULL));
        CHECK_EQ(waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) break;
        if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80)) FAIL("the child: 0x%x", (unsigned)status);
        struct __ptrace_syscall_info info;
        MUST(ptrace(PTRACE_GET_SYSCALL_INFO, child, (void *)sizeof info, &info));
        if (info.op != PTRACE_SYSCALL_INFO_ENTRY) continue;
        if (info.entry.nr == SYS_getpgid && info.entry.args[0] == MARK) marks++;
        else if (marks == 1 && info.entry.nr < NUMBERS) counts[info.entry.nr]++;
    }
    CHECK_EQ(status, 0);
    CHECK_EQ(marks, 2);
}

int main(int count, char **arguments) {
    static long off[NUMBERS], on[NUMBERS];
    (void)arguments;
    if (count == 2) return work();
    char pages[400];
    CHECK(getcwd(pages, sizeof pages - 10) != NULL);
    strcat(pages, "/pages");
    calls_of("off", off);
    calls_of(pages, on);
    setenv("NETDEADLINE_STATS", pages, 1);
    CHECK_EQ(st_files(), 1);
    CHECK(off[SYS_connect] >= 20);
    for (int i = 0; i < NUMBERS; i++)
        if (off[i] != on[i]) FAIL("system call %d: %ld times without a page, %ld with one", i, off[i], on[i]);
    return 0;
}
