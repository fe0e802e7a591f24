// A one-shot registration that was told of a deadline is used up: nothing more is told of it before the next MOD, not even a hang-up.
// Linux: ep_send_events() masks the registration with EP_PRIVATE_BITS, which leaves EPOLLHUP and EPOLLERR out as well.
// cc oneshot_hup.c -o oneshot_hup;  LD_PRELOAD=libnetdeadline.so NETDEADLINE_RULES='to 127.0.0.1 read=50ms' ./oneshot_hup
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <stdlib.h>
int main(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t l = sizeof a;
    int ls = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
    bind(ls, (void *)&a, l); listen(ls, 5); getsockname(ls, (void *)&a, &l);
    if (connect(c, (void *)&a, l)) return 2;
    int s = accept(ls, 0, 0), set = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT}, got = {0};
    epoll_ctl(set, EPOLL_CTL_ADD, c, &e);
    if (!getenv("NETDEADLINE_RULES")) write(s, "x", 1); // natively: use the shot up by a byte
    printf("first wait: %d", epoll_wait(set, &got, 1, -1)); printf(" events %x\n", got.events);
    shutdown(c, SHUT_WR); close(s);                     // both directions over: EPOLLHUP
    got.events = 0;
    int n = epoll_wait(set, &got, 1, 200);
    printf("after the shot was used up: %d events %x%s\n", n, got.events, n ? "   <-- must be 0" : "");
    return n != 0;
}
