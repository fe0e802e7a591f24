// In seccomp's strict mode a process may read, write, exit and return from signals: nothing else, or it dies. A program that
// enters it under a policy lives on, reads what is there and what comes later.
// Source: SEMANTICS "Sandboxes"; SECURITY 9; seccomp(2).
//
// native: yes
// env: none
// env: NETDEADLINE_READ=3s NETDEADLINE_WRITE=3s NETDEADLINE_RESPONSE=3s
// env: NETDEADLINE_READ=100ms
#include "sec_seccomp.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    char bytes[8];
    pid_t child = fork();
    if (!child) {
        if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) nd_raw(SYS_exit, 9, 0, 0, 0, 0, 0);
        char byte = 0;
        int code = 0;
        for (int i = 0; i < 3; i++) {
            if (read(pair.client, &byte, 1) != 1) code = 4;
            if (write(pair.client, &byte, 1) != 1) code = 5;
        }
        // _exit makes exit_group, which strict mode does not know.
        nd_raw(SYS_exit, code, 0, 0, 0, 0, 0);
    }
    CHECK_EQ(nd_raw_write(pair.peer, "a", 1), 1);
    for (int i = 0; i < 2; i++) {
        nd_sleep(500 * MS);
        CHECK_EQ(nd_raw_write(pair.peer, "b", 1), 1);
    }
    CHECK_CHILD_OK(child, 8 * SEC);
    CHECK_EQ(nd_raw_read(pair.peer, bytes, 8), 3);
    return 0;
}
