// What the tests of descriptors ask of a socket again and again: does this number time out, does it wait.
//
// Not here: anything that only one test needs.
#ifndef FD_ND_H
#define FD_ND_H
#include "nd_test.h"

// A read on `fd` ends with ETIMEDOUT, not before `timeout`.
#define CHECK_READ_TIMES_OUT(fd, timeout)                                                                              \
    do {                                                                                                               \
        char nd_byte;                                                                                                  \
        int64_t nd_start_ns = nd_now();                                                                                \
        CHECK_ERRNO(read((fd), &nd_byte, 1), ETIMEDOUT);                                                               \
        CHECK_ENDED_AT(nd_start_ns, (timeout));                                                                        \
    } while (0)
// A read on `fd` waits for what `other` sends after `later`, far beyond any deadline of the test.
#define CHECK_READ_WAITS(fd, other, later_ns)                                                                          \
    do {                                                                                                               \
        char nd_byte = 0;                                                                                              \
        struct nd_later nd_sender;                                                                                     \
        nd_sender_start(&nd_sender, (other), (later_ns));                                                              \
        CHECK_EQ(read((fd), &nd_byte, 1), 1);                                                                          \
        CHECK_EQ(nd_byte, 'L');                                                                                        \
        nd_join(nd_sender.thread, 20 * SEC);                                                                           \
    } while (0)
static ND_UNUSED void *nd_sender_body(void *argument) {
    struct nd_later *later = argument;
    nd_sleep(later->after);
    // write, not send: the other end may be a pipe's.
    nd_raw_write(later->fd, "L", 1);
    return NULL;
}
static ND_UNUSED void nd_sender_start(struct nd_later *later, int other, int64_t after) {
    *later = (struct nd_later){.fd = other, .after = after};
    later->thread = nd_start(nd_sender_body, later);
}
// A pair whose `served` end was accepted by this program through the library, and whose `client` no library saw: under a
// rule `to *` the served end has no deadline, and only this process knows that it was accepted.
struct fd_served {
    int served, client;
};
static ND_UNUSED struct fd_served fd_serve(void) {
    struct fd_served pair;
    struct sockaddr_in at;
    int listener = nd_listener(4, &at);
    pair.client = (int)nd_raw(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, 0, 0, 0);
    MUST(-nd_raw(SYS_connect, pair.client, (long)&at, sizeof at, 0, 0, 0));
    pair.served = MUST(accept(listener, NULL, NULL));
    close(listener);
    return pair;
}
#endif
