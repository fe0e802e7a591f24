// Under a small `ulimit -v` the program starts and has its deadlines: no table reserves what it does not use.
// Source: ARCHITECTURE (no flat reservation); issue, 2.
//
// env: NETDEADLINE_READ=200ms
#include "fd_nd.h"
#include <sys/resource.h>

int main(int count, char **arguments) {
    (void)arguments;
    if (count == 2) {
        struct nd_pair pair = nd_tcp_pair();
        char byte;
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        return 0;
    }
    pid_t child = fork();
    if (!child) {
        struct rlimit limit = {16 << 20, 16 << 20};
        MUST(setrlimit(RLIMIT_AS, &limit));
        char *again[] = {"child", "small", NULL};
        execv("/proc/self/exe", again);
        _exit(127);
    }
    CHECK_CHILD_OK(child, 8 * SEC);
    return 0;
}
