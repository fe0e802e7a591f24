// With TCP_FASTOPEN_CONNECT connect() says 0 at once even to a dead host; the connect clock runs on into the first write.
// Source: SEMANTICS "Classes", connect.
//
// env: NETDEADLINE_CONNECT=500ms
#include "nd_test.h"

#ifndef TCP_FASTOPEN_CONNECT
#define TCP_FASTOPEN_CONNECT 30
#endif
#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE 34
#endif

int main(void) {
    struct nd_hole hole = nd_black_hole();
    int fd = MUST(socket(AF_INET, SOCK_STREAM, 0)), on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, &on, sizeof on) ||
        setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof on))
        SKIP("no TCP Fast Open here: %s", strerror(errno));
    int64_t start = nd_now();
    CHECK_EQ(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), 0);
    // The write may put its bytes into the SYN and leave the waiting to the read.
    char byte;
    ssize_t sent = write(fd, "hello", 5);
    if (sent == 5) CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
    else CHECK(sent == -1 && errno == ETIMEDOUT);
    CHECK_ENDED_AT(start, 500 * MS);
    CHECK_RECORDS("connect", 1);
    nd_open_hole(&hole);
    if (nd_somebody_connects(hole.listener, 3500 * MS)) FAIL("the attempt came through after its deadline");
    return 0;
}
