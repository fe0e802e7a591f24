// A server sets SO_RCVTIMEO on its listener to look at a stop flag now and then. Its accepted clients inherit the number in
// the kernel; a non-blocking client that idles in poll must not die of it, and a blocking one gets the kernel's EAGAIN.
// Source: SEMANTICS "Sources of a deadline" 2.
//
// native: yes
// env: none
// env: NETDEADLINE_READ=300ms NETDEADLINE_CONNECT=5s
#include "nd_test.h"
#include <sys/epoll.h>

int main(void) {
    struct sockaddr_in at;
    char byte;
    int listener = nd_listener(4, &at);
    nd_set_timeout(listener, SO_RCVTIMEO, 300 * MS);
    int64_t start = nd_now();
    CHECK_ERRNO(accept(listener, NULL, NULL), EAGAIN);
    CHECK(nd_now() - start >= 295 * MS);
    CHECK_EQ(nd_kernel_timeout_ms(listener, SO_RCVTIMEO), 300);

    int client = nd_connect(&at), served = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    CHECK(served >= 0);
    CHECK_EQ(nd_kernel_timeout_ms(served, SO_RCVTIMEO), 300);
    struct pollfd entry = {.fd = served, .events = POLLIN};
    start = nd_now();
    CHECK_EQ(poll(&entry, 1, 900), 0);
    CHECK(nd_now() - start >= 900 * MS);
    CHECK_ERRNO(read(served, &byte, 1), EAGAIN);
    int set = MUST(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN};
    MUST(epoll_ctl(set, EPOLL_CTL_ADD, served, &event));
    start = nd_now();
    CHECK_EQ(epoll_wait(set, &event, 1, 900), 0);
    CHECK(nd_now() - start >= 900 * MS);
    CHECK_EQ(nd_raw_write(client, "x", 1), 1);
    CHECK_EQ(read(served, &byte, 1), 1);

    int second = nd_connect(&at), blocking = accept(listener, NULL, NULL);
    CHECK(blocking >= 0);
    start = nd_now();
    CHECK_ERRNO(read(blocking, &byte, 1), EAGAIN);
    CHECK(nd_now() - start >= 295 * MS);
    close(second);
    return 0;
}
