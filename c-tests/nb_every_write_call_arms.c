// Whichever call found no room arms the write deadline: write, writev, send, sendto, sendmsg, sendmmsg, sendfile, splice.
// Source: SEMANTICS "Non-blocking sockets" 1.
//
// env: NETDEADLINE_WRITE=100ms
#include "nb_wait.h"
#include <sys/sendfile.h>

int main(void) {
    char byte = 'x';
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    int file = MUST(open("file", O_RDWR | O_CREAT, 0600)), pipes[2];
    CHECK_EQ(write(file, "data", 4), 4);
    MUST(pipe(pipes));
    CHECK_EQ(write(pipes[1], "data", 4), 4);
    for (int call = 0; call < 8; call++) {
        fprintf(stderr, "call: %d\n", call);
        struct mmsghdr messages[1] = {{.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}}};
        off_t offset = 0;
        struct nd_pair pair = nb_full_pair();
        int fd = pair.client;
        int64_t start = nd_now();
        switch (call) {
        case 0: CHECK_ERRNO(write(fd, &byte, 1), EAGAIN); break;
        case 1: CHECK_ERRNO(writev(fd, &part, 1), EAGAIN); break;
        case 2: CHECK_ERRNO(send(fd, &byte, 1, MSG_NOSIGNAL), EAGAIN); break;
        case 3: CHECK_ERRNO(sendto(fd, &byte, 1, 0, NULL, 0), EAGAIN); break;
        case 4: CHECK_ERRNO(sendmsg(fd, &messages[0].msg_hdr, 0), EAGAIN); break;
        case 5: CHECK_ERRNO(sendmmsg(fd, messages, 1, 0), EAGAIN); break;
        case 6: CHECK_ERRNO(sendfile(fd, file, &offset, 4), EAGAIN); break;
        case 7: CHECK_ERRNO(splice(pipes[0], NULL, fd, NULL, 4, SPLICE_F_NONBLOCK), EAGAIN); break;
        }
        struct nb_waiter waiter = nb_waiter(NB_EPOLL_WAIT, fd, POLLOUT);
        CHECK_EQ(nb_wait(&waiter, 3000), POLLOUT);
        CHECK_ENDED_AT(start, 100 * MS);
        CHECK_ERRNO(write(fd, &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    return 0;
}
