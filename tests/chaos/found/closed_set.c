// A closed epoll set waits for nothing: interest ends with it, as with EPOLL_CTL_DEL, and the read clock stops.
// cc -D_GNU_SOURCE closed_set.c -o closed_set; LD_PRELOAD=... NETDEADLINE_RULES='to 127.0.0.1 read=25ms' ./closed_set GAP_MS [del]
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int n, char **v) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t l = sizeof a;
    char b[9];
    int ls = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0);
    bind(ls, (void *)&a, l); listen(ls, 5); getsockname(ls, (void *)&a, &l);
    if (connect(c, (void *)&a, l)) return 2;
    int s = accept(ls, 0, 0), set = epoll_create1(0);
    fcntl(c, F_SETFL, O_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN}, g;
    epoll_ctl(set, EPOLL_CTL_ADD, c, &e);
    write(s, "x", 1);
    epoll_wait(set, &g, 1, -1);
    if (recv(c, b, 8, 0) != 1) return 3;
    if (n > 2) epoll_ctl(set, EPOLL_CTL_DEL, c, NULL);
    close(set);
    usleep(atoi(v[1]) * 1000);   // the program does something else; nobody waits for this connection
    int r = recv(c, b, 8, 0);
    printf("%s ms later, %s: %s%s\n", v[1], n > 2 ? "DEL and close" : "close alone", r < 0 ? strerrorname_np(errno) : "data", r < 0 && errno == EAGAIN ? "" : "  <-- nobody waited: must be EAGAIN");
    return !(r < 0 && errno == EAGAIN);
}
