// What programs do to descriptors besides moving bytes: dup, close, options, passing them on.
#include "chaos.h"
#include <linux/close_range.h>

void do_open(struct thread *t) {
    if (!open_some(t))
        do_close(t);
}

void do_close(struct thread *t) {
    struct conn *c = any_conn(t);
    if (!c)
        return;
    if (one_in(t, 3)) {
        int side = (int)below(t, 2);
        if (c->end[side].n)
            close_number(t, c, side, (int)below(t, (uint32_t)c->end[side].n));
        return;
    }
    // Mostly whole, else there would be more half dead connections than living ones.
    if (one_in(t, 2)) {
        drain(t, c, 0);
        drain(t, c, 1);
    }
    close_conn(t, c);
}

// `to` is a number of the program that now names `from`'s description: whoever had it has lost it.
static void taken_over(struct thread *t, int to) {
    for (int i = 0; i < CONNS; i++)
        for (int s = 0; s < 2 && t->conns[i].used; s++) {
            struct end *e = &t->conns[i].end[s];
            for (int k = 0; k < e->n; k++)
                if (e->fds[k] == to) {
                    e->fds[k] = e->fds[--e->n];
                    if (e->n == 0)
                        ended(t, &t->conns[i], s);
                    return;
                }
        }
    fault(t, "number %d was nobody's", to);
}

void do_dup(struct thread *t) {
    struct conn *c = any_conn(t);
    if (!c)
        return;
    int side = (int)below(t, 2);
    struct end *e = &c->end[side];
    if (e->n == 0)
        return;
    int fd = a_number(t, e), fresh;
    if (e->n == NUMBERS || (e->n > 1 && one_in(t, 3))) {
        close_number(t, c, side, (int)below(t, (uint32_t)e->n));
        return;
    }
    switch (below(t, 6)) {
        case 0: fresh = own(t, (int)CALL(t, dup, fd, fd)); break;
        case 1: fresh = own(t, (int)CALL(t, fcntl, fd, fd, F_DUPFD_CLOEXEC, 100 + (int)below(t, 700))); break;
        case 2: fresh = own(t, (int)CALL(t, fcntl, fd, fd, F_DUPFD, 0)); break;
        case 3:
            MUST(t, CALL(t, dup2, fd, fd, fd) == fd);
            if (CALL(t, dup3, fd, fd, fd, 0) != -1 || errno != EINVAL)
                fault(t, "dup3 onto itself did not say EINVAL");
            return;
        default: {
            // Onto a number of another end, which closes that one: reuse with no moment between.
            struct conn *other = any_conn(t);
            int s = (int)below(t, 2);
            if (!other || other->end[s].n == 0 || &other->end[s] == e)
                return;
            fresh = a_number(t, &other->end[s]);
            if (one_in(t, 2))
                MUST(t, CALL(t, dup2, fd, fd, fresh) == fresh);
            else
                MUST(t, CALL(t, dup3, fd, fd, fresh, O_CLOEXEC) == fresh);
            taken_over(t, fresh);
        }
    }
    e->fds[e->n++] = fresh;
}

void do_nonblock(struct thread *t) {
    struct conn *c = any_conn(t);
    int side = (int)below(t, 2);
    if (c && c->end[side].n)
        set_blocking(t, c, side, one_in(t, 2));
}

void do_options(struct thread *t) {
    struct conn *c = any_conn(t);
    int side = (int)below(t, 2);
    if (!c || !is_socket(c) || c->end[side].n == 0)
        return;
    struct end *e = &c->end[side];
    // Multiples of 20 ms are the same in every kernel's ticks.
    int64_t value = one_in(t, 2) ? 0 : one_in(t, 3) ? HOUR : (1 + (int64_t)below(t, 3)) * 20 * MS;
    struct timeval as = timeval_of(value);
    bool receiving = one_in(t, 2);
    // 66 and 67 are SO_RCVTIMEO_NEW and SO_SNDTIMEO_NEW: the same shape here.
    int fd = a_number(t, e), option = receiving ? (one_in(t, 4) ? 66 : SO_RCVTIMEO) : (one_in(t, 4) ? 67 : SO_SNDTIMEO);
    MUST(t, CALL(t, setsockopt, fd, fd, SOL_SOCKET, option, &as, sizeof as) == 0);
    note_fact(t, receiving ? "SO_RCVTIMEO, ms" : "SO_SNDTIMEO, ms", e, (long)(value / MS));
    *(receiving ? &e->so_rcv : &e->so_snd) = value;
    t->clock |= world->library && value;
    // The wait that it bounds may have begun already: in a set, or by a read in vain.
    e->told |= world->library && receiving && value;
}

// What the kernel says of an end is what the program made of it: nothing was lent and kept.
void check_end(struct thread *t, struct conn *c, int side) {
    struct end *e = &c->end[side];
    int fd = a_number(t, e);
    long flags = CALL(t, fcntl, fd, fd, F_GETFL);
    if (flags < 0 || !(flags & O_NONBLOCK) != !e->nonblock)
        fault(t, "F_GETFL of %d says %lx, the program set O_NONBLOCK %s", fd, flags, e->nonblock ? "on" : "off");
    struct stat status;
    MUST(t, CALL(t, fstat, fd, fd, &status) == 0);
    if (status.st_ino != e->inode)
        fault(t, "%d is another file than it was", fd);
    if (!is_socket(c))
        return;
    for (int i = 0; i < 2; i++) {
        struct timeval value;
        socklen_t size = sizeof value;
        MUST(t, CALL(t, getsockopt, fd, fd, SOL_SOCKET, i ? SO_SNDTIMEO : SO_RCVTIMEO, &value, &size) == 0);
        int64_t is = value.tv_sec * SECOND + value.tv_usec * 1000, was = i ? e->so_snd : e->so_rcv;
        if (is != was)
            fault(t, "%s of %d is %lld ns, the program set %lld: a LENT OPTION", i ? "SO_SNDTIMEO" : "SO_RCVTIMEO", fd,
                  (long long)is, (long long)was);
    }
}

void do_check(struct thread *t) {
    struct conn *c = any_conn(t);
    int side = (int)below(t, 2);
    if (c && c->end[side].n)
        check_end(t, c, side);
}

void do_shutdown(struct thread *t) {
    struct conn *c = any_conn(t);
    int side = (int)below(t, 2);
    if (!c || c->dirty || c->kind == PIPE || c->kind == DATAGRAM || c->kind == UDP)
        return;
    if (c->end[side].n == 0 || c->end[1 - side].n == 0 || c->end[side].shut)
        return;
    int fd = a_number(t, &c->end[side]);
    MUST(t, CALL(t, shutdown, fd, fd, SHUT_WR) == 0);
    c->end[side].shut = true;
    edge(&c->end[1 - side], POLLIN | POLLRDHUP);
}

// A number goes through a socket and comes out as another.
void do_pass(struct thread *t) {
    struct conn *c = any_conn(t);
    int side = (int)below(t, 2);
    if (!c || c->end[side].n == 0)
        return;
    struct end *e = &c->end[side];
    int which = (int)below(t, (uint32_t)e->n);
    char byte = 'x';
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &e->fds[which], sizeof(int));
    long n;
    while ((n = CALL(t, sendmsg, t->carrier[0], t->carrier[0], &message, 0)) < 0 && world->faults)
        ;
    MUST(t, n == 1);
    memset(&control, 0, sizeof control);
    message.msg_controllen = sizeof control;
    while ((n = CALL(t, recvmsg, t->carrier[1], t->carrier[1], &message, MSG_CMSG_CLOEXEC)) < 0 && world->faults)
        ;
    MUST(t, n == 1 && control.header.cmsg_type == SCM_RIGHTS);
    int fresh;
    memcpy(&fresh, CMSG_DATA(&control.header), sizeof(int));
    own(t, fresh);
    struct stat status;
    MUST(t, CALL(t, fstat, fresh, fresh, &status) == 0 && status.st_ino == e->inode);
    int old = e->fds[which];
    e->split |= e->n > 1;
    e->fds[which] = fresh;
    disown(t, old);
    MUST(t, CALL(t, close, old, old) == 0);
}

// Connections go from thread to thread.
void do_give(struct thread *t) {
    int which = (int)below(t, sizeof world->shelved / sizeof *world->shelved), expected = 2;
    struct conn *c = free_conn(t);
    if (c && atomic_compare_exchange_strong(&world->shelved[which], &expected, 1)) {
        *c = world->shelf[which];
        t->clock |= world->library;
        atomic_store(&world->shelved[which], 0);
        note_fact(t, "taken over", &c->end[0], which);
        return;
    }
    c = any_conn(t);
    if (!c)
        return;
    for (int s = 0; s < 2; s++)
        for (int k = 0; k < 4; k++)
            if (c->end[s].regs[k])
                return; // its sets stay here
    expected = 0;
    if (atomic_compare_exchange_strong(&world->shelved[which], &expected, 1)) {
        world->shelf[which] = *c;
        note_fact(t, "given away", &c->end[0], which);
        c->used = false;
        atomic_store(&world->shelved[which], 2);
    }
}

// Nobody listens there.
void do_refused(struct thread *t) {
    struct sockaddr_storage address;
    bool nonblock = one_in(t, 2);
    int family = one_in(t, 3) ? AF_UNIX : AF_INET, bound = -1;
    socklen_t length = address_of(family == AF_UNIX ? UNIX_READ_45 : NONE, 99, &address);
    if (family == AF_INET) {
        bound = own(t, (int)CALL(t, socket, -1, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        MUST(t, CALL(t, bind, bound, bound, (struct sockaddr *)&address, length) == 0);
        MUST(t, CALL(t, getsockname, bound, bound, (struct sockaddr *)&address, &length) == 0);
    }
    int fd = own(t, (int)CALL(t, socket, -1, family, SOCK_STREAM | SOCK_CLOEXEC | (nonblock ? SOCK_NONBLOCK : 0), 0));
    long result = CALL(t, connect, fd, fd, (struct sockaddr *)&address, length);
    int error = errno;
    if (result != 0 && error == EINPROGRESS && nonblock) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        socklen_t size = sizeof error;
        while ((result = CALL(t, poll, fd, &p, 1, ARRIVES)) < 0 && world->faults)
            ;
        MUST(t, result == 1 && (p.revents & POLLHUP));
        MUST(t, CALL(t, getsockopt, fd, fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0);
        result = -1;
    }
    if (result != -1 || error != ECONNREFUSED)
        fault(t, "connect to nobody answered %ld, %s", result, strerrorname_np(error));
    disown(t, fd);
    MUST(t, CALL(t, close, fd, fd) == 0);
    if (bound >= 0) {
        disown(t, bound);
        MUST(t, CALL(t, close, bound, bound) == 0);
    }
}

// Files are nobody's connection.
void do_bystander(struct thread *t) {
    uint64_t word = t->written + 1, back = 0;
    int fd = t->file;
    struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
    switch (below(t, 5)) {
        case 0: MUST(t, CALL(t, pwrite, fd, fd, &word, sizeof word, 0) == sizeof word); break;
        case 1: MUST(t, CALL(t, poll, fd, &p, 1, 0) == 1 || world->faults); return;
        case 2:
            MUST(t, CALL(t, lseek, fd, fd, 0, SEEK_SET) == 0);
            MUST(t, CALL(t, read, fd, fd, &back, sizeof back) == sizeof back && back == t->written);
            return;
        case 3: MUST(t, CALL(t, recv, fd, fd, &back, sizeof back, 0) == -1 && errno == ENOTSOCK); return;
        default: MUST(t, CALL(t, pread, fd, fd, &back, sizeof back, 0) == sizeof back && back == t->written); return;
    }
    t->written = word;
}

// A run of numbers that only this thread has.
void do_close_range(struct thread *t) {
    struct conn *c = any_conn(t);
    int side = (int)below(t, 2), low = 2048 + t->number * 64, high = low + 63;
    if (!c || c->end[side].n == 0)
        return;
    int a = own(t, (int)CALL(t, fcntl, low, c->end[side].fds[0], F_DUPFD_CLOEXEC, low));
    int b = own(t, (int)CALL(t, fcntl, low, c->end[side].fds[0], F_DUPFD, low + 1 + (int)below(t, 40)));
    MUST(t, a == low && b <= high);
    MUST(t, CALL(t, close_range, low, (unsigned)low, (unsigned)high, CLOSE_RANGE_CLOEXEC) == 0);
    MUST(t, CALL(t, fcntl, b, b, F_GETFD) == FD_CLOEXEC);
    disown(t, a);
    disown(t, b);
    MUST(t, CALL(t, close_range, low, (unsigned)low, (unsigned)high, 0) == 0);
    MUST(t, CALL(t, fcntl, b, b, F_GETFD) == -1 && errno == EBADF);
}
