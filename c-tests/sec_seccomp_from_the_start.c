// A program that is started under a filter which kills on one of the calls that we would like to make (systemd's
// SystemCallFilter=, a sandboxing parent) lives, reads, writes and connects as it would without us.
// Source: SEMANTICS "Sandboxes": probed in a child that may die of it.
//
// native: yes
// env: none
// env: NETDEADLINE_READ=3s NETDEADLINE_WRITE=3s NETDEADLINE_CONNECT=3s
// cap: 60
#include "sec_seccomp.h"
#include <sys/epoll.h>

static int as_child(int fd) {
    sec_daily_work(fd, 2);
    return close(fd) ? 6 : 0;
}
static const struct {
    const char *name;
    int number;
} calls[] = {
    {"ppoll", SYS_ppoll},
    {"poll", SYS_poll},
    {"recvfrom", SYS_recvfrom},
    {"recvmsg", SYS_recvmsg},
    {"sendto", SYS_sendto},
    {"sendmsg", SYS_sendmsg},
    {"getsockopt", SYS_getsockopt},
    {"setsockopt", SYS_setsockopt},
    {"getpeername", SYS_getpeername},
    {"getsockname", SYS_getsockname},
    {"timerfd_create", SYS_timerfd_create},
    {"epoll_pwait2", 441},
    {"eventfd2", SYS_eventfd2},
    {"ioctl", SYS_ioctl},
    {"vfork", SYS_vfork},
    {"pipe2", SYS_pipe2},
    {"wait4", SYS_wait4},
    {"gettid", SYS_gettid},
    {"socket", SYS_socket},
    {"pwritev2", SYS_pwritev2},
    {"kill", SYS_kill},
    {"prctl", SYS_prctl},
    {"seccomp", SYS_seccomp},
    {"clone3", 435},
    {"memfd_create", SYS_memfd_create},
    {"rt_sigaction", SYS_rt_sigaction},
    {"rt_sigprocmask", SYS_rt_sigprocmask},
    {"sigaltstack", SYS_sigaltstack},
    {"madvise", SYS_madvise},
    {"statx", 332},
    {"uname", SYS_uname},
    {"getuid", SYS_getuid},
    {"fcntl", SYS_fcntl},
    {"clock_gettime", SYS_clock_gettime},
    {"process_vm_readv", SYS_process_vm_readv},
};

int main(int count, char **arguments) {
    if (count == 2) return as_child(atoi(arguments[1]));
    int failed = 0;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct nd_pair pair = nd_tcp_pair();
        char fd[16];
        snprintf(fd, sizeof fd, "%d", (int)nd_raw(SYS_dup, pair.client, 0, 0, 0, 0, 0));
        pid_t child = fork();
        if (!child) {
            sec_install(UNSEEN, &calls[i].number, 1, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ALLOW);
            nd_raw(SYS_execve, (long)"/proc/self/exe", (long)(char *[]){"child", fd, NULL}, (long)environ, 0, 0, 0);
            nd_raw(SYS_exit_group, 9, 0, 0, 0, 0, 0);
        }
        CHECK_EQ(nd_raw_write(pair.peer, "a", 1), 1);
        nd_sleep(150 * MS);
        CHECK_EQ(nd_raw_write(pair.peer, "b", 1), 1);
        int status = nd_reap(child, 8 * SEC);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no seccomp");
        if (status) {
            fprintf(stderr, "killed on %s: status 0x%x\n", calls[i].name, (unsigned)status);
            failed++;
        }
        nd_pair_close(&pair);
        nd_raw_close(atoi(fd));
    }
    CHECK_EQ(failed, 0);
    return 0;
}
