// syscall(2) is the kernel's call and not libc's function of that name: it is no cancellation point, F_GETOWN is not corrected,
// a time that cannot be read is EFAULT, and what is left of a time is written.
// Source: syscall(2); select(2), "the timeout argument"; fcntl(2), BUGS of F_GETOWN.
//
// native: yes
// env: none
// env: NETDEADLINE_READ=1h NETDEADLINE_WRITE=1h
// needs: root
#include "nd_test.h"
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/select.h>

static int ends[2];
static volatile int passed;
static void *cancelled(void *unused) {
    (void)unused;
    char byte;
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    pthread_cancel(pthread_self());
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
    CHECK_EQ(syscall(SYS_write, ends[1], "x", 1), 1);
    CHECK_EQ(syscall(SYS_read, ends[0], &byte, 1), 1);
    CHECK_EQ(syscall(SYS_fcntl, ends[0], F_SETLK, &(struct flock){.l_type = F_UNLCK}), 0);
    passed = 1;
    pthread_testcancel();
    FAIL("not cancelled");
}

static int as_pid_1(void) {
    // Group 1: the kernel's -1 for "owned by group 1" is an error in syscall's form, and in fcntl's it is not.
    MUST(setsid());
    CHECK_EQ(getpgrp(), 1);
    MUST(fcntl(ends[0], F_SETOWN, -1));
    CHECK_EQ(nd_raw(SYS_fcntl, ends[0], F_GETOWN, 0, 0, 0, 0), -1);
    CHECK_ERRNO(syscall(SYS_fcntl, ends[0], F_GETOWN), EPERM);
    errno = 0;
    CHECK_EQ(fcntl(ends[0], F_GETOWN), -1);
    CHECK_EQ(errno, 0);
    return 0;
}

int main(void) {
    char first;
    MUST(pipe(ends));
    CHECK_EQ(write(ends[1], "x", 1), 1);
    CHECK_EQ(read(ends[0], &first, 1), 1);
    struct nd_pair pair = nd_tcp_pair();
    struct nd_thread thread = nd_start(cancelled, NULL);
    CHECK(nd_join(thread, 5 * SEC) == PTHREAD_CANCELED);
    CHECK_EQ(passed, 1);

    struct pollfd one = {.fd = pair.client, .events = POLLIN};
    void *nowhere = (void *)8;
    fd_set in;
    FD_ZERO(&in);
    CHECK_ERRNO(syscall(SYS_ppoll, &one, 1, nowhere, NULL, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_select, 0, &in, NULL, NULL, nowhere), EFAULT);
    CHECK_ERRNO(syscall(SYS_pselect6, 0, &in, NULL, NULL, nowhere, NULL), EFAULT);
    int set = MUST(epoll_create1(0));
    struct epoll_event event;
    if (syscall(441 /* epoll_pwait2 */, set, &event, 1, &(struct timespec){0}, NULL, 0L) == 0)
        CHECK_ERRNO(syscall(441, set, &event, 1, nowhere, NULL, 0L), EFAULT);

    struct timespec time = {.tv_sec = 5};
    CHECK_EQ(nd_raw_write(ends[1], "x", 1), 1);
    one.fd = ends[0];
    CHECK_EQ(syscall(SYS_ppoll, &one, 1, &time, NULL, 8), 1);
    CHECK(time.tv_sec == 4 && time.tv_nsec > 0);
    time = (struct timespec){.tv_nsec = 50 * MS};
    CHECK_EQ(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &time, NULL), 0);
    CHECK_EQ(time.tv_sec, 0);
    CHECK_EQ(time.tv_nsec, 0);
    time = (struct timespec){.tv_sec = -1, .tv_nsec = 7};
    CHECK_ERRNO(syscall(SYS_ppoll, &one, 1, &time, NULL, 8), EINVAL);
    CHECK_EQ(time.tv_sec, -1);

    if (unshare(CLONE_NEWPID)) return 0;
    pid_t child = fork();
    if (!child) _exit(as_pid_1());
    CHECK_CHILD_OK(child, 5 * SEC);
    return 0;
}
