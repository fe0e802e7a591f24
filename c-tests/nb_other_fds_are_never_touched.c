// Pipes, eventfds, socketpairs and terminals have no deadline, whatever the policy says.
// Source: SEMANTICS "Classes": pipes, files, ttys: never touched.
//
// native: yes
// env: NETDEADLINE_READ=80ms NETDEADLINE_WRITE=80ms NETDEADLINE_RESPONSE=80ms NETDEADLINE_LIFETIME=80ms
#include "nb_wait.h"
#include <sys/eventfd.h>

int main(void) {
    int pipes[2], sockets[2], fds[4];
    char byte;
    MUST(pipe2(pipes, O_NONBLOCK));
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets));
    fds[0] = pipes[0];
    fds[1] = sockets[0];
    fds[2] = MUST(eventfd(0, EFD_NONBLOCK));
    fds[3] = MUST(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK));
    MUST(grantpt(fds[3]));
    MUST(unlockpt(fds[3]));
    int terminal = MUST(open(ptsname(fds[3]), O_RDWR | O_NOCTTY));
    CHECK_EQ(write(sockets[0], "q", 1), 1);
    NB_EACH_WAY(way) {
        for (int i = 0; i < 4; i++) {
            struct nb_waiter waiter = nb_waiter(way, fds[i], POLLIN);
            CHECK_QUIET(&waiter, 110);
            nb_done(&waiter);
        }
    }
    CHECK_ERRNO(read(pipes[0], &byte, 1), EAGAIN);
    CHECK_ERRNO(read(sockets[0], &byte, 1), EAGAIN);
    CHECK_ERRNO(read(fds[3], &byte, 1), EAGAIN);
    CHECK_NO_RECORDS();
    close(terminal);
    return 0;
}
