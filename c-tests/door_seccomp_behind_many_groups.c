// A program with a thousand groups that starts under a killing filter is noticed too: /proc/self/status says "Seccomp" only
// after the groups.
// Source: SEMANTICS "Sandboxes"; proc_pid_status(5).
//
// env: NETDEADLINE_READ=3s NETDEADLINE_WRITE=3s NETDEADLINE_CONNECT=3s
// needs: root
#include "sec_seccomp.h"
#include <grp.h>

int main(int count, char **arguments) {
    if (count == 2) {
        sec_daily_work(atoi(arguments[1]), 2);
        return 0;
    }
    struct nd_pair pair = nd_tcp_pair();
    pid_t child = fork();
    if (!child) {
        static gid_t groups[1000];
        for (gid_t i = 0; i < 1000; i++) groups[i] = 100000 + i;
        if (setgroups(1000, groups)) SKIP("setgroups: %s", strerror(errno));
        char fd[16];
        snprintf(fd, sizeof fd, "%d", (int)nd_raw(SYS_dup, pair.client, 0, 0, 0, 0, 0));
        const int calls[] = {SYS_ppoll, SYS_recvfrom};
        sec_install(UNSEEN, calls, 2, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ALLOW);
        nd_raw(SYS_execve, (long)"/proc/self/exe", (long)(char *[]){"child", fd, NULL}, (long)environ, 0, 0, 0);
        _exit(99);
    }
    CHECK_EQ(nd_raw_write(pair.peer, "a", 1), 1);
    nd_sleep(150 * MS);
    CHECK_EQ(nd_raw_write(pair.peer, "b", 1), 1);
    int status = nd_reap(child, 8 * SEC);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("skipped in the child");
    CHECK_EQ(status, 0);
    return 0;
}
