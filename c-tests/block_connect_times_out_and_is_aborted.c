// A blocking connect to a black hole ends with ETIMEDOUT at its deadline. The attempt is dead in the kernel: when the hole
// opens later the server never sees it. The socket's SO_SNDTIMEO (lent for the call) and its flags are as before.
// Source: SEMANTICS "Errno", connect; "Blocking calls"; FACTS (a connect that succeeds behind the program's back).
//
// env: NETDEADLINE_CONNECT=400ms
// env: NETDEADLINE_RULES="to 10.0.0.0/8 connect=1ms; to 127.0.0.1:1-65535 connect=400ms"
#include "nd_test.h"

static void attempt(bool with_option) {
    struct nd_hole hole = nd_black_hole();
    int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
    if (with_option) nd_set_timeout(fd, SO_SNDTIMEO, 7 * SEC);
    int flags = (int)nd_raw(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);
    int64_t start = nd_now();
    CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), ETIMEDOUT);
    CHECK_ENDED_AT(start, 400 * MS);
    CHECK_EQ(nd_tcp_state(fd), TCP_CLOSE);
    CHECK_EQ(nd_kernel_timeout_ms(fd, SO_SNDTIMEO), with_option ? 7000 : 0);
    CHECK_EQ(nd_kernel_timeout_ms(fd, SO_RCVTIMEO), 0);
    CHECK_EQ(nd_raw(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0), flags);
    CHECK_RECORDS("connect", with_option ? 2 : 1);
    CHECK_RECORD("connect", "operation", "connect");
    nd_open_hole(&hole);
    // SYNs are sent again after 1 and 3 s.
    if (nd_somebody_connects(hole.listener, 3500 * MS)) FAIL("the attempt came through after its deadline");
    // The socket can be used for another attempt, as after the kernel's own ETIMEDOUT.
    CHECK_EQ(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), 0);
    close(fd);
    nd_raw_close(hole.listener);
}

int main(void) {
    attempt(false);
    attempt(true);
    return 0;
}
