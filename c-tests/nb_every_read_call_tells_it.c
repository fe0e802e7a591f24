// After the event each call that reads answers ETIMEDOUT: read, readv, recv, recvfrom, recvmsg, recvmmsg, and a peek.
// Source: SEMANTICS "Non-blocking sockets" 6.
//
// env: NETDEADLINE_READ=100ms
#include "nb_wait.h"

int main(void) {
    char byte;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    for (int call = 0; call < 9; call++) {
        fprintf(stderr, "call: %d\n", call);
        struct mmsghdr messages[1] = {{.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}}};
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        struct nd_pair pair = nb_pair();
        int fd = pair.client;
        struct nb_waiter waiter = nb_waiter(NB_POLL, fd, POLLIN);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        switch (call) {
        case 0: CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT); break;
        case 1: CHECK_ERRNO(readv(fd, &part, 1), ETIMEDOUT); break;
        case 2: CHECK_ERRNO(recv(fd, &byte, 1, 0), ETIMEDOUT); break;
        case 3: CHECK_ERRNO(recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &size), ETIMEDOUT); break;
        case 4: CHECK_ERRNO(recvmsg(fd, &messages[0].msg_hdr, 0), ETIMEDOUT); break;
        case 5: CHECK_ERRNO(recvmmsg(fd, messages, 1, 0, NULL), ETIMEDOUT); break;
        case 6: CHECK_ERRNO(recv(fd, &byte, 1, MSG_PEEK), ETIMEDOUT); break;
        case 7: CHECK_ERRNO(recv(fd, &byte, 1, MSG_DONTWAIT), ETIMEDOUT); break;
        case 8: CHECK_ERRNO(syscall(SYS_read, fd, &byte, 1), ETIMEDOUT); break;
        }
        CHECK_ERRNO(read(fd, &byte, 1), EAGAIN);
        nd_pair_close(&pair);
    }
    return 0;
}
