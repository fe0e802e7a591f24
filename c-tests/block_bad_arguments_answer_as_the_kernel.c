// Pointers and numbers that make no sense are the kernel's to refuse: EFAULT, EBADF, EINVAL, ENOTCONN, ENOTSOCK, and no
// crash in between.
// Source: read(2), recv(2), sendmsg(2); STYLE (pointers of the program are never made into references).
//
// native: yes
// env: none
// env: NETDEADLINE_READ=2s NETDEADLINE_WRITE=2s NETDEADLINE_RESPONSE=2s
#include "nd_test.h"
#include <sys/epoll.h>
#include <sys/select.h>

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    void *volatile bad = (void *)(uintptr_t)16;
    char byte = 0;
    // volatile: the compiler would refuse to pass on what is plainly wrong.
    volatile int negative = -1, too_many = 5000;
    void *volatile elsewhere = (void *)(uintptr_t)24;
    struct iovec bad_part = {bad, 8}, many[2] = {{&byte, 1}, {bad, 8}};
    struct msghdr message = {.msg_iov = &bad_part, .msg_iovlen = 1}, bad_vectors = {.msg_iov = bad, .msg_iovlen = 2};
    CHECK_EQ(nd_raw_write(pair.peer, "abcdef", 6), 6);
    nd_sleep(20 * MS);
    CHECK_ERRNO(read(pair.client, bad, 8), EFAULT);
    CHECK_ERRNO(recv(pair.client, bad, 8, 0), EFAULT);
    CHECK_ERRNO(readv(pair.client, &bad_part, 1), EFAULT);
    CHECK_ERRNO(readv(pair.client, bad, 1), EFAULT);
    CHECK_ERRNO(readv(pair.client, many, negative), EINVAL);
    CHECK_ERRNO(readv(pair.client, many, too_many), EINVAL);
    CHECK_ERRNO(recvmsg(pair.client, &message, 0), EFAULT);
    CHECK_ERRNO(recvmsg(pair.client, &bad_vectors, 0), EFAULT);
    CHECK_ERRNO(recvmsg(pair.client, bad, 0), EFAULT);
    CHECK_ERRNO(sendmsg(pair.client, bad, 0), EFAULT);
    CHECK_ERRNO(write(pair.client, bad, 8), EFAULT);
    CHECK_ERRNO(send(pair.client, bad, 8, 0), EFAULT);
    CHECK_ERRNO(writev(pair.client, bad, 2), EFAULT);
    CHECK_ERRNO(writev(pair.client, many, negative), EINVAL);
    CHECK_ERRNO(poll(bad, 1, 100), EFAULT);
    CHECK_ERRNO(select(5, bad, NULL, NULL, NULL), EFAULT);
    CHECK_ERRNO(select(-1, NULL, NULL, NULL, NULL), EINVAL);
    CHECK_ERRNO(setsockopt(pair.client, SOL_SOCKET, SO_RCVTIMEO, bad, sizeof(struct timeval)), EFAULT);
    CHECK_ERRNO(setsockopt(pair.client, SOL_SOCKET, SO_RCVTIMEO, &byte, 1), EINVAL);
    CHECK_ERRNO(getsockopt(pair.client, SOL_SOCKET, SO_ERROR, bad, elsewhere), EFAULT);
    CHECK_EQ(recv(pair.client, &byte, 1, 0), 1);
    CHECK_EQ(byte, 'a');
    CHECK_ERRNO(read(-1, &byte, 1), EBADF);
    CHECK_ERRNO(write(1 << 30, &byte, 1), EBADF);
    CHECK_ERRNO(recv(2000, &byte, 1, 0), EBADF);
    CHECK_ERRNO(close(-1), EBADF);
    CHECK_ERRNO(close(1 << 30), EBADF);
    CHECK_ERRNO(dup2(-1, 5), EBADF);
    CHECK_ERRNO(dup2(pair.client, -1), EBADF);
    CHECK_ERRNO(recv(0, &byte, 1, 0), ENOTSOCK);
    CHECK_ERRNO(send(0, &byte, 1, 0), ENOTSOCK);
    CHECK_ERRNO(accept(pair.client, NULL, NULL), EINVAL);
    CHECK_ERRNO(accept(0, NULL, NULL), ENOTSOCK);
    int fresh = MUST(socket(AF_INET, SOCK_STREAM, 0));
    CHECK_ERRNO(read(fresh, &byte, 1), ENOTCONN);
    CHECK_ERRNO(send(fresh, &byte, 1, MSG_NOSIGNAL), EPIPE);
    struct sockaddr_in at;
    int listener = nd_listener(1, &at);
    CHECK_ERRNO(read(listener, &byte, 1), ENOTCONN);
    CHECK_NO_RECORDS();
    return 0;
}
