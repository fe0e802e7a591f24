// io_uring moves sockets past every hook: while deadlines are configured io_uring_setup answers ENOSYS and programs fall
// back; without any, or with NETDEADLINE_IO_URING=allow, the kernel answers.
// Source: SEMANTICS "fds and processes".
//
// env: none
// env: NETDEADLINE_READ=300ms
// env: NETDEADLINE_READ=300ms NETDEADLINE_IO_URING=allow
#include "nd_test.h"

#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif

int main(void) {
    char parameters[256] = {0};
    long kernel = nd_raw(SYS_io_uring_setup, 4, (long)parameters, 0, 0, 0, 0);
    if (kernel < 0) SKIP("the kernel has no io_uring: %s", strerror((int)-kernel));
    nd_raw_close((int)kernel);
    memset(parameters, 0, sizeof parameters);
    if (getenv("NETDEADLINE_READ") && !getenv("NETDEADLINE_IO_URING")) {
        CHECK_ERRNO(syscall(SYS_io_uring_setup, 4, parameters), ENOSYS);
    } else {
        CHECK(syscall(SYS_io_uring_setup, 4, parameters) >= 0);
    }
    return 0;
}
