// Two numbers of one socket, made by dup before the program sets SO_RCVTIMEO on one of them, share it: bytes that come through the
// other end the wait, and removing the option through the other removes it.
// Source: SEMANTICS "Sources of a deadline", 2, per description; found by tests/chaos as a false expiry.
//
// env: none
#include "nb_wait.h"

int main(void) {
    int two[2];
    char bytes[8];
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, two));
    int other = MUST(dup(two[0]));
    nd_set_timeout(two[0], SO_RCVTIMEO, 400 * MS);
    CHECK_ERRNO(read(two[0], bytes, sizeof bytes), EAGAIN); // the wait begins
    for (int i = 0; i < 12; i++) {
        nd_sleep(50 * MS);
        CHECK_EQ(write(two[1], "x", 1), 1);
        CHECK_EQ(read(other, bytes, sizeof bytes), 1);
    }
    struct nb_waiter waiter = nb_waiter(NB_POLL, two[0], POLLIN);
    CHECK_EQ(nb_wait(&waiter, 0), 0);
    CHECK_ERRNO(read(two[0], bytes, sizeof bytes), EAGAIN);
    // It is there all the same.
    int64_t start = nd_now();
    CHECK_EQ(nb_wait(&waiter, 3000), POLLIN);
    CHECK(nd_now() >= start + 300 * MS);
    CHECK_ERRNO(read(other, bytes, sizeof bytes), ETIMEDOUT);
    nd_set_timeout(other, SO_RCVTIMEO, 0);
    CHECK_ERRNO(read(two[0], bytes, sizeof bytes), EAGAIN);
    CHECK_QUIET(&waiter, 600);
    CHECK_ERRNO(read(two[0], bytes, sizeof bytes), EAGAIN);
    return 0;
}
