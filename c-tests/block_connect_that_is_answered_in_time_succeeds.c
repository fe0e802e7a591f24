// A connect whose first SYN is lost and whose second gets through, before the deadline, succeeds: 0, errno untouched, no
// option or flag changed, and the connection works.
// Source: SEMANTICS "Blocking calls", connect.
//
// native: yes
// env: none
// env: NETDEADLINE_CONNECT=5s
#include "nd_test.h"

static struct nd_hole hole;

static void *open_later(void *unused) {
    nd_sleep(300 * MS);
    nd_open_hole(&hole);
    return unused;
}

int main(void) {
    char byte;
    hole = nd_black_hole();
    int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
    nd_set_timeout(fd, SO_RCVTIMEO, 9 * SEC);
    struct nd_thread opener = nd_start(open_later, NULL);
    int64_t start = nd_now();
    errno = 4242;
    CHECK_EQ(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), 0);
    CHECK_EQ(errno, 4242);
    CHECK(nd_now() - start > 500 * MS);
    nd_join(opener, 5 * SEC);
    CHECK_EQ(nd_kernel_timeout_ms(fd, SO_SNDTIMEO), 0);
    CHECK_EQ(nd_kernel_timeout_ms(fd, SO_RCVTIMEO), 9000);
    CHECK_EQ(nd_raw(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0) & O_NONBLOCK, 0);
    int peer = nd_raw_accept(hole.listener);
    CHECK_EQ(write(fd, "a", 1), 1);
    CHECK_EQ(nd_raw_read(peer, &byte, 1), 1);
    CHECK_NO_RECORDS();
    return 0;
}
