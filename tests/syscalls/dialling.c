// What the files about connect share (dialling.h).
#include "dialling.h"

#include "case.h"
#include "door.h"

#include <errno.h>
#include <linux/filter.h>
#include <poll.h>
#include <sys/socket.h>

const enum kind tcp_kinds[2] = {TCP4, TCP6};

int dial(int fd, const struct place *place) { return call->connect(fd, &place->at, place->length); }

void see_error(int fd) {
    int error = -1;
    socklen_t size = sizeof error;
    see("so_error=%s", call->getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) ? "none" : error_name(error));
}

void see_events(int fd, int ms) {
    struct pollfd one = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    int n = call->poll(&one, 1, ms), is = one.revents;
    see("poll=%d%s%s%s%s%s", n, is & POLLIN ? "/in" : "", is & POLLOUT ? "/out" : "", is & POLLRDHUP ? "/rdhup" : "",
        is & POLLERR ? "/err" : "", is & POLLHUP ? "/hup" : "");
}

void see_peer(int fd) {
    struct name name = fresh_name(sizeof name.address);
    if (getpeername(fd, (struct sockaddr *)&name.address, &name.length)) {
        see("peer=%s", error_name(errno));
    } else {
        see("peer=%s", name.address.ss_family == AF_UNIX ? "unix" : name.address.ss_family == AF_INET ? "inet" : "inet6");
    }
}

// A filter that lets nothing through, socket(7).
int silent(enum kind kind, struct place *place) {
    struct sock_filter nothing = {BPF_RET | BPF_K, 0, 0, 0};
    struct sock_fprog program = {1, &nothing};
    int fd = listening(kind, BLOCKING, 5, place);
    NEED(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0);
    return fd;
}

void awake(void *listener) {
    int none = 0;
    NEED(setsockopt(*(int *)listener, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none) == 0);
}
