// A connect that fails by itself keeps the kernel's answer: refused, bad fd, not a socket, bad address, already connected.
// Source: connect(2); SEMANTICS "Blocking calls".
//
// native: yes
// env: none
// env: NETDEADLINE_CONNECT=5s NETDEADLINE_READ=5s
#include "nd_test.h"

int main(void) {
    struct sockaddr_in at;
    struct sockaddr *to = (struct sockaddr *)&at;
    int listener = nd_listener(4, &at);
    int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
    errno = 4242;
    CHECK_EQ(connect(fd, to, sizeof at), 0);
    CHECK_EQ(errno, 4242);
    CHECK_ERRNO(connect(fd, to, sizeof at), EISCONN);
    nd_raw_close(listener);
    int other = MUST(socket(AF_INET, SOCK_STREAM, 0));
    CHECK_ERRNO(connect(other, to, sizeof at), ECONNREFUSED);
    CHECK_ERRNO(connect(other, to, 3), EINVAL);
    CHECK_ERRNO(connect(other, (struct sockaddr *)(uintptr_t)8, sizeof at), EFAULT);
    struct sockaddr_in strange = at;
    strange.sin_family = 77;
    CHECK_ERRNO(connect(other, (struct sockaddr *)&strange, sizeof strange), EAFNOSUPPORT);
    CHECK_ERRNO(connect(999, to, sizeof at), EBADF);
    CHECK_ERRNO(connect(-1, to, sizeof at), EBADF);
    CHECK_ERRNO(connect(0, to, sizeof at), ENOTSOCK);
    CHECK_EQ(nd_kernel_timeout_ms(other, SO_SNDTIMEO), 0);
    // A datagram socket's connect never waits and may be repeated and dissolved.
    int datagram = MUST(socket(AF_INET, SOCK_DGRAM, 0));
    CHECK_EQ(connect(datagram, to, sizeof at), 0);
    CHECK_EQ(connect(datagram, to, sizeof at), 0);
    struct sockaddr dissolve = {.sa_family = AF_UNSPEC};
    CHECK_EQ(connect(datagram, &dissolve, sizeof dissolve), 0);
    CHECK_NO_RECORDS();
    return 0;
}
