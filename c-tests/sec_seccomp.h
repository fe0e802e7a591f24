// Small seccomp filters: refuse or kill on a list of calls, or allow nothing but a list.
//
// Not here: what a program does under them.
#ifndef SEC_SECCOMP_H
#define SEC_SECCOMP_H

#include "nd_test.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

enum sec_door { BY_PRCTL, BY_SYSCALL, UNSEEN };

// `listed` is what happens to the calls in the list, `other` to all others. UNSEEN installs behind the library's back.
static ND_UNUSED void sec_install(enum sec_door door, const int *calls, size_t count, unsigned listed, unsigned other) {
    static struct sock_filter filter[256];
    unsigned short n = 0;
    if (count > 100) FAIL("too many calls");
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < count; i++) {
        filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, listed);
    }
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, other);
    struct sock_fprog program = {.len = n, .filter = filter};
    long failed;
    switch (door) {
    case BY_PRCTL:
        MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        failed = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
        break;
    case BY_SYSCALL:
        MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        failed = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
        break;
    default:
        MUST(-nd_raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0));
        failed = nd_raw(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, (long)&program, 0, 0, 0);
    }
    if (failed) SKIP("no seccomp filter here: %s", strerror(errno));
}
// What a sandboxed child with a socket does all day: read what is there, read what comes later, answer, close.
static ND_UNUSED void sec_daily_work(int fd, int rounds) {
    char byte;
    for (int i = 0; i < rounds; i++) {
        errno = 0;
        ssize_t got = read(fd, &byte, 1);
        if (got != 1) _exit(errno == ETIMEDOUT ? 3 : 4);
        if (write(fd, &byte, 1) != 1) _exit(5);
    }
}
#endif
