// A thread that is cancelled in splice leaves the socket's own timeouts as they were.
// Source: SEMANTICS "Blocking calls": "Cancellation and siglongjmp skip whatever follows the wait".
//
// env: NETDEADLINE_READ=5s NETDEADLINE_WRITE=5s HOW=splice
// cap: 12
#include "nb_wait.h"

static struct nd_pair pair;
static int pipes[2];
static void *body(void *argument) {
    (void)argument;
    if (!strcmp(getenv("HOW"), "splice")) {
        splice(pair.client, NULL, pipes[1], NULL, 100, 0);
    } else {
        static char block[65536];
        struct iovec one = {block, sizeof block};
        struct mmsghdr message = {.msg_hdr = {.msg_iov = &one, .msg_iovlen = 1}};
        for (;;) sendmmsg(pair.client, &message, 1, 0);
    }
    return NULL;
}
int main(void) {
    pair = nd_tcp_pair();
    nd_small_buffers(&pair);
    MUST(pipe(pipes));
    struct nd_thread thread = nd_start(body, NULL);
    nd_sleep(800 * MS);
    pthread_cancel(thread.id);
    nd_join(thread, 12 * SEC);
    CHECK_EQ(nd_kernel_timeout_ms(pair.client, SO_RCVTIMEO), 0);
    CHECK_EQ(nd_kernel_timeout_ms(pair.client, SO_SNDTIMEO), 0);
    return 0;
}
