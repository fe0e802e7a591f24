// A program that locks itself into a filter which kills on everything but a handful of calls (as OpenSSH's pre-auth child
// does) lives on under a policy, whichever way it installs the filter, and does its work.
// Source: SEMANTICS "Sandboxes"; SECURITY 9.
//
// native: yes
// env: none
// env: NETDEADLINE_READ=3s NETDEADLINE_WRITE=3s NETDEADLINE_RESPONSE=3s NETDEADLINE_LIFETIME=1h
// env: NETDEADLINE_READ=100ms
#include "sec_seccomp.h"

static void sandboxed(enum sec_door door, const int *allowed, size_t count, bool with_close) {
    struct nd_pair pair = nd_tcp_pair();
    pid_t child = fork();
    if (!child) {
        sec_install(door, allowed, count, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS);
        sec_daily_work(pair.client, 3);
        if (with_close && close(pair.client)) _exit(6);
        _exit(0);
    }
    CHECK_EQ(nd_raw_write(pair.peer, "a", 1), 1);
    for (int i = 0; i < 2; i++) {
        nd_sleep(400 * MS);
        CHECK_EQ(nd_raw_write(pair.peer, "b", 1), 1);
    }
    int status = nd_reap(child, 8 * SEC);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no seccomp");
    if (status) FAIL("door %d, %zu calls: status 0x%x", (int)door, count, (unsigned)status);
}

int main(void) {
    const int bare[] = {SYS_read, SYS_write, SYS_exit_group};
    const int openssh[] = {SYS_read,  SYS_write, SYS_close,         SYS_exit_group,    SYS_ppoll,       SYS_poll,
                           SYS_mmap,  SYS_brk,   SYS_clock_gettime, SYS_getpid,        SYS_rt_sigprocmask, SYS_shutdown,
                           SYS_futex, SYS_munmap};
    const int receives[] = {SYS_read, SYS_write, SYS_close, SYS_exit_group, SYS_recvfrom, SYS_sendto};
    for (enum sec_door door = BY_PRCTL; door <= BY_SYSCALL; door++) {
        sandboxed(door, bare, sizeof bare / sizeof *bare, false);
        sandboxed(door, openssh, sizeof openssh / sizeof *openssh, true);
        sandboxed(door, receives, sizeof receives / sizeof *receives, true);
    }
    return 0;
}
