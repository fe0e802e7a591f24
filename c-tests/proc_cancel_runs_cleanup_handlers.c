// A thread that waits in read, recv, write, connect, accept, poll, select or epoll_wait can be cancelled: its cleanup
// handlers run, and the socket is as usable as before.
// Source: pthreads(7); SEMANTICS "Blocking calls", last line.
//
// native: yes
// env: none
// env: NETDEADLINE_READ=9s NETDEADLINE_WRITE=9s NETDEADLINE_CONNECT=9s
// env: NETDEADLINE_RULES="to * read=9s response=9s lifetime=1h; on * read=9s"
// needs: musl
#include "nd_test.h"
#include <sys/epoll.h>
#include <sys/select.h>

static struct nd_pair pair, full;
static struct nd_hole hole;
static int listener, set;
static volatile int cleaned;

static void wait_in_read(void) {
    char byte;
    (void)!read(pair.client, &byte, 1);
}
static void wait_in_recv(void) {
    char byte;
    recv(pair.client, &byte, 1, 0);
}
static void wait_in_recvmsg(void) {
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    recvmsg(pair.client, &message, 0);
}
static void wait_in_write(void) { (void)!write(full.client, "x", 1); }
static void wait_in_send(void) { send(full.client, "x", 1, 0); }
static void wait_in_connect(void) {
    int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
    connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at);
}
static void wait_in_accept(void) { accept(listener, NULL, NULL); }
static void wait_in_poll(void) {
    struct pollfd entry = {.fd = pair.client, .events = POLLIN};
    poll(&entry, 1, 8000);
}
static void wait_in_select(void) {
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(pair.client, &readable);
    select(pair.client + 1, &readable, NULL, NULL, NULL);
}
static void wait_in_epoll_wait(void) {
    struct epoll_event event;
    epoll_wait(set, &event, 1, -1);
}
static const struct {
    const char *name;
    void (*wait)(void);
} waits[] = {
    {"read", wait_in_read},     {"recv", wait_in_recv},     {"recvmsg", wait_in_recvmsg}, {"write", wait_in_write},
    {"send", wait_in_send},     {"connect", wait_in_connect}, {"accept", wait_in_accept},   {"poll", wait_in_poll},
    {"select", wait_in_select}, {"epoll_wait", wait_in_epoll_wait},
};

static void clean(void *count) { ++*(volatile int *)count; }
static void *body(void *wait) {
    pthread_cleanup_push(clean, (void *)&cleaned);
    ((void (*)(void)) * (void (**)(void))wait)();
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void) {
    struct sockaddr_in at;
    pair = nd_tcp_pair();
    full = nd_zero_window();
    hole = nd_black_hole();
    listener = nd_listener(2, &at);
    set = MUST(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN};
    MUST(epoll_ctl(set, EPOLL_CTL_ADD, pair.client, &event));
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        void (*wait)(void) = waits[i].wait;
        int before = cleaned;
        struct nd_thread thread = nd_start(body, &wait);
        nd_sleep(150 * MS);
        CHECK_EQ(pthread_cancel(thread.id), 0);
        int64_t start = nd_now();
        void *result = nd_join(thread, 4 * SEC);
        if (nd_now() - start > 3 * SEC) FAIL("%s ended late", waits[i].name);
        if (result != PTHREAD_CANCELED) FAIL("%s was not cancelled", waits[i].name);
        if (cleaned != before + 1) FAIL("%s: %d cleanup handlers", waits[i].name, cleaned - before);
    }
    // Nothing was left behind: the socket works, for another thread.
    char byte;
    struct nd_later later;
    nd_send_later(&later, pair.peer, 200 * MS, "x", 1);
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    nd_later_join(&later);
    CHECK_NO_RECORDS();
    return 0;
}
