// A socket that accept returned has the options that the kernel would have given it, whatever was lent to the listener for
// the wait; two threads on one listener each get their connection.
// Source: SEMANTICS "Blocking calls", accept; accept(2).
//
// native: yes
// env: none
// env: NETDEADLINE_RULES="on * read=2s lifetime=1h; to * read=2s connect=2s"
#include "nd_test.h"

static int listener;
static void *accepts(void *result) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) FAIL("accept: %s", strerror(errno));
    *(int *)result = fd;
    return NULL;
}

int main(void) {
    struct sockaddr_in at;
    int served[2] = {-1, -1};
    listener = nd_listener(8, &at);
    struct nd_thread first = nd_start(accepts, &served[0]), second = nd_start(accepts, &served[1]);
    nd_sleep(300 * MS);
    int one = nd_connect(&at);
    nd_sleep(300 * MS);
    // One of them has it, the other goes on waiting.
    CHECK((served[0] < 0) != (served[1] < 0));
    int two = nd_connect(&at);
    nd_join(first, 5 * SEC);
    nd_join(second, 5 * SEC);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(nd_kernel_timeout_ms(served[i], SO_RCVTIMEO), 0);
        CHECK_EQ(nd_kernel_timeout_ms(served[i], SO_SNDTIMEO), 0);
        CHECK_EQ(nd_raw(SYS_fcntl, served[i], F_GETFL, 0, 0, 0, 0) & O_NONBLOCK, 0);
    }
    CHECK_EQ(nd_kernel_timeout_ms(listener, SO_RCVTIMEO), 0);
    nd_set_timeout(listener, SO_RCVTIMEO, 3 * SEC);
    int three = nd_connect(&at), fd = MUST(accept(listener, NULL, NULL));
    CHECK_EQ(nd_kernel_timeout_ms(fd, SO_RCVTIMEO), 3000);
    CHECK_EQ(nd_kernel_timeout_ms(listener, SO_RCVTIMEO), 3000);
    close(one), close(two), close(three);
    return 0;
}
