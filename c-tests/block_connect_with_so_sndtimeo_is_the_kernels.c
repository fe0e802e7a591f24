// The program's own SO_SNDTIMEO on a blocking connect gives EINPROGRESS at its time, with and without a longer policy; a
// shorter policy comes first, with ETIMEDOUT. Either way the option reads back as it was set.
// Source: SEMANTICS "Errno", SO_*TIMEO, blocking call; FACTS (connect with SO_SNDTIMEO).
//
// native: yes
// env: none
// env: NETDEADLINE_CONNECT=4s
// env: NETDEADLINE_CONNECT=200ms
#include "nd_test.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
    bool policy_first = nd_env_ns("NETDEADLINE_CONNECT") == 200 * MS;
    nd_set_timeout(fd, SO_SNDTIMEO, 700 * MS);
    int64_t start = nd_now();
    if (policy_first) {
        CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), ETIMEDOUT);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_EQ(nd_tcp_state(fd), TCP_CLOSE);
    } else {
        CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), EINPROGRESS);
        CHECK_ENDED_AT(start, 690 * MS); // the kernel counts in jiffies
        CHECK_EQ(nd_tcp_state(fd), TCP_SYN_SENT);
    }
    CHECK_EQ(nd_kernel_timeout_ms(fd, SO_SNDTIMEO), 700);
    return 0;
}
