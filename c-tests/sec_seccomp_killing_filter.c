// A program that locks itself into a filter which kills on everything but a handful of calls (as OpenSSH's pre-auth child
// does) lives on under a policy, whichever way it installs the filter, and does its work.
// Source: SEMANTICS "Sandboxes"; SECURITY 9.
//
// native: yes
// env: none
// env: NETDEADLINE_READ=3s NETDEADLINE_WRITE=3s NETDEADLINE_RESPONSE=3s NETDEADLINE_LIFETIME=1h
// env: NETDEADLINE_READ=100ms
#include "sec_seccomp.h"
#include <sys/epoll.h>
#include <sys/select.h>

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

// The same with the waits that such programs make.
static void waiting(enum sec_door door, const int *allowed, size_t count) {
    struct nd_pair pair = nd_tcp_pair();
    int set = MUST(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 7};
    MUST(epoll_ctl(set, EPOLL_CTL_ADD, pair.client, &event));
    pid_t child = fork();
    if (!child) {
        struct pollfd entry = {.fd = pair.client, .events = POLLIN};
        struct timeval wait = {.tv_sec = 5};
        fd_set readable;
        char byte;
        sec_install(door, allowed, count, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS);
        if (poll(&entry, 1, 5000) != 1 || read(pair.client, &byte, 1) != 1) _exit(3);
        FD_ZERO(&readable);
        FD_SET(pair.client, &readable);
        if (select(pair.client + 1, &readable, NULL, NULL, &wait) != 1 || read(pair.client, &byte, 1) != 1) _exit(4);
        // The parent's timer is in the set, which is shared: its event is not for us.
        event.data.u64 = 8;
        if (epoll_wait(set, &event, 1, 5000) != 1 || event.data.u64 != 7) _exit(6);
        if (read(pair.client, &byte, 1) != 1) _exit(5);
        _exit(0);
    }
    for (int i = 0; i < 3; i++) {
        nd_sleep(200 * MS);
        CHECK_EQ(nd_raw_write(pair.peer, "w", 1), 1);
    }
    int status = nd_reap(child, 8 * SEC);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no seccomp");
    if (status) FAIL("door %d, the waits: status 0x%x", (int)door, (unsigned)status);
    close(set);
}

int main(void) {
    const int bare[] = {SYS_read, SYS_write, SYS_exit_group};
    // poll, but not ppoll; epoll_wait, but not epoll_pwait2; select is pselect6 in glibc.
    const int old[] = {SYS_read, SYS_write, SYS_exit_group, SYS_poll,
                       SYS_epoll_wait, SYS_select, SYS_pselect6};
    const int openssh[] = {SYS_read,  SYS_write, SYS_close,         SYS_exit_group,    SYS_ppoll,       SYS_poll,
                           SYS_mmap,  SYS_brk,   SYS_clock_gettime, SYS_getpid,        SYS_rt_sigprocmask, SYS_shutdown,
                           SYS_futex, SYS_munmap};
    const int receives[] = {SYS_read, SYS_write, SYS_close, SYS_exit_group, SYS_recvfrom, SYS_sendto};
    for (enum sec_door door = BY_PRCTL; door <= BY_SYSCALL; door++) {
        sandboxed(door, bare, sizeof bare / sizeof *bare, false);
        waiting(door, old, sizeof old / sizeof *old);
        sandboxed(door, openssh, sizeof openssh / sizeof *openssh, true);
        sandboxed(door, receives, sizeof receives / sizeof *receives, true);
    }
    return 0;
}
