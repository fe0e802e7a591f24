// Errors that nothing else here brings about: the kernel's own ETIMEDOUT on a connection that stood, messages with addresses, offsets
// that sendfile cannot have, shutdown of what is not connected, sockets that there are not, locks, options that one may not set. (tcp(7),
// send(2), udp(7), unix(7), sendfile(2), shutdown(2), socket(2), socketpair(2), fcntl(2), socket(7).)
#include "case.h"
#include "dialling.h"
#include "door.h"
#include "io.h"
#include "place.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef TCP_USER_TIMEOUT
#define TCP_USER_TIMEOUT 18
#endif

// ---- The peer does not acknowledge: the kernel gives the connection up ----

// tcp(7), TCP_USER_TIMEOUT: "TCP will forcibly close the corresponding connection and return ETIMEDOUT to the application". A peer
// whose packet filter lets nothing through any more is as one behind a cut cable; something must be there to be acknowledged.
static struct two given_up_soon(enum kind kind, enum mode mode) {
    struct two pair = two(kind, mode);
    struct sock_filter nothing = {BPF_RET | BPF_K, 0, 0, 0};
    struct sock_fprog program = {1, &nothing};
    unsigned ms = 250;
    NEED(setsockopt(pair.here, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms) == 0);
    NEED(setsockopt(pair.there, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0);
    put(pair.here, "into the void");
    return pair;
}

static const enum kind given_up[] = {TCP4, TCP4_ACCEPTED, TCP6};

// A call that waits is told, and only once; then the connection has ended in both directions.
CASE(a_wait_is_given_up_by_the_kernel) {
    for (int i = 0; i < 3; i++) {
        struct two pairs[READINGS];
        char wanted[1024] = "";
        line("%s", kind_name[given_up[i]]);
        for (enum reading how = 0; how < READINGS; how++) {
            pairs[how] = given_up_soon(given_up[i], BLOCKING);
        }
        // The first waits for it, the others find it.
        for (enum reading how = 0; how < READINGS; how++) {
            do_read(how, pairs[how].here, 10, 0);
            size_t n = strlen(wanted);
            snprintf(wanted + n, sizeof wanted - n, "%s ", reads_not(how, "ETIMEDOUT"));
        }
        see_error(pairs[0].here);
        see_events(pairs[0].here, 0);
        RET(call->recv(pairs[0].here, memory(AT_ONE), 0, 0));
        RET(call->send(pairs[0].here, "x", 1, MSG_NOSIGNAL));
        see_peer(pairs[0].here);
        want("%sso_error=0 poll=1/in/out/rdhup/hup " OK(0) " " FAIL(EPIPE) " peer=ENOTCONN", wanted);
    }
}

// A wait for readiness tells it by POLLERR, and SO_ERROR or the next call takes it, whichever comes first.
CASE(an_event_loop_is_told_that_it_was_given_up) {
    for (int i = 0; i < 3; i++) {
        for (int asks = 0; asks < 2; asks++) {
            line("%s%s", kind_name[given_up[i]], asks ? " SO_ERROR" : "");
            struct two pair = given_up_soon(given_up[i], NONBLOCK);
            int set = call->epoll_create1(EPOLL_CLOEXEC);
            struct epoll_event event = {.events = EPOLLIN, .data.u32 = 7}, told = {0};
            NEED(call->epoll_ctl(set, EPOLL_CTL_ADD, pair.here, &event) == 0);
            do_read(RECV, pair.here, 10, 0);
            RET(call->epoll_wait(set, &told, 1, 5000));
            see("events=%x data=%u", told.events, told.data.u32);
            see_events(pair.here, 0);
            if (asks) {
                see_error(pair.here);
            }
            do_read(RECV, pair.here, 10, 0);
            do_write(SEND, pair.here, "x", MSG_NOSIGNAL);
            want("%s ret=1 errno=kept events=%x data=7 poll=1/in/out/rdhup/err/hup %s " FAIL(EPIPE), reads_not(RECV, "EAGAIN"),
                 EPOLLIN | EPOLLERR | EPOLLHUP, asks ? "so_error=ETIMEDOUT ret=0 errno=kept buf=kept" : FAIL(ETIMEDOUT) " buf=kept");
        }
    }
}

// ---- Messages with an address ----

static void send_to(int door, int fd, const char *text, const struct place *place, int flags) {
    struct iovec piece = {(void *)(uintptr_t)text, strlen(text)};
    struct mmsghdr message = {.msg_len = 77};
    message.msg_hdr.msg_name = (void *)(uintptr_t)&place->at;
    message.msg_hdr.msg_namelen = place->length;
    message.msg_hdr.msg_iov = &piece;
    message.msg_hdr.msg_iovlen = 1;
    switch (door) {
        case 0: RET(call->sendto(fd, text, piece.iov_len, flags, &place->at, place->length)); break;
        case 1: RET(call->sendmsg(fd, &message.msg_hdr, flags)); break;
        default:
            RET(call->sendmmsg(fd, &message, 1, flags));
            see("len=%u", message.msg_len);
    }
}

CASE(addresses_of_messages) {
    static const char *const doors[] = {"sendto", "sendmsg", "sendmmsg"};
    static const char *const lens[] = {"", "", " len=77"};
    for (int door = 0; door < 3; door++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            // udp(7), ip(7): a broadcast without SO_BROADCAST, an address that is too short, of another family, without a port.
            struct place to, broadcast = {.length = sizeof broadcast.at.v4}, short_, odd, portless;
            line("%s udp4 %s", doors[door], mode_name[mode]);
            listening(UDP4, BLOCKING, 1, &to);
            int fd = lone(UDP4, mode);
            broadcast.at.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0x7fffffff)};
            short_ = odd = portless = to;
            short_.length = 4;
            odd.at.any.sa_family = 250;
            portless.at.v4.sin_port = 0;
            send_to(door, fd, "x", &broadcast, 0);
            send_to(door, fd, "x", &short_, 0);
            send_to(door, fd, "x", &odd, 0);
            send_to(door, fd, "x", &portless, 0);
            send_to(door, fd, "x", &to, MSG_OOB);
            send_to(door, fd, "x", &to, 0);
            want(FAIL(EACCES) "%s " FAIL(EINVAL) "%s " FAIL(EAFNOSUPPORT) "%s " FAIL(EINVAL) "%s " FAIL(EOPNOTSUPP) "%s " OK(1) "%s", lens[door],
                 lens[door], lens[door], lens[door], lens[door], door == 2 ? " len=1" : "");

            // send(2), EISCONN; unix(7): a stream has no message for an address. TCP ignores it, but with MSG_FASTOPEN (tcp(7)).
            struct place local;
            line("%s streams %s", doors[door], mode_name[mode]);
            listening(UNIX_PATH, BLOCKING, 5, &local);
            struct two connected = two(UNIX_PATH, mode), tcp = two(TCP4, mode);
            listening(TCP4, BLOCKING, 5, &to);
            send_to(door, connected.here, "x", &local, 0);
            send_to(door, lone(UNIX_PATH, mode), "x", &local, MSG_NOSIGNAL);
            send_to(door, tcp.here, "x", &to, 0);
            send_to(door, tcp.here, "x", &to, MSG_FASTOPEN);
            see_left(tcp.there);
            want(FAIL(EISCONN) "%s " FAIL(EOPNOTSUPP) "%s " OK(1) "%s " FAIL(EISCONN) "%s left=x", lens[door], lens[door],
                 door == 2 ? " len=1" : "", lens[door]);
        }
    }
}

// ---- Offsets ----

// sendfile(2): ESPIPE, an offset into what is not seekable; EINVAL, an end that no offset can name. (EOVERFLOW is of file systems whose
// files are shorter than that.)
CASE(offsets_of_sendfile) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum mode mode = 0; mode < MODES && is_stream(kind); mode++) {
            struct two pair = two(kind, mode);
            off_t at = 0, last = INT64_MAX;
            line("%s %s", kind_name[kind], mode_name[mode]);
            RET(call->sendfile(pair.here, file(PIPE_IN), &at, 3));
            see("offset=%d", (int)at);
            RET(call->sendfile(pair.here, file_with("abc"), &last, 3));
            see("offset=%s", last == INT64_MAX ? "kept" : "changed");
            see_left(pair.there);
            want(FAIL(ESPIPE) " offset=0 " FAIL(EINVAL) " offset=kept left=EAGAIN");
        }
    }
}

// ---- What there is not ----

// shutdown(2): ENOTCONN, and EINVAL for a way that there is not. unix(7) sockets may be shut down before they are connected.
CASE(shutdown_of_what_is_not_connected) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            line("%s %s", kind_name[kind], mode_name[mode]);
            struct two pair = two(kind, mode);
            RET(call->shutdown(pair.here, 3));
            RET(call->shutdown(pair.here, -1));
            RET(call->shutdown(lone(kind, mode), SHUT_RDWR));
            put(pair.there, "abc");
            see_left(pair.here);
            want(FAIL(EINVAL) " " FAIL(EINVAL) " %s left=abc", is_ip(kind) ? FAIL(ENOTCONN) : OK(0));
        }
    }
}

// socket(2), socketpair(2).
CASE(sockets_that_there_are_not) {
    int ends[2];
    line("socket");
    RET(call->socket(250, SOCK_STREAM, 0));
    RET(call->socket(AF_INET, 0x100 | SOCK_STREAM, 0));
    RET(call->socket(AF_INET, 9, 0));
    RET(call->socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    RET(call->socket(AF_UNIX, SOCK_STREAM, 7));
    want(FAIL(EAFNOSUPPORT) " " FAIL(EINVAL) " " FAIL(ESOCKTNOSUPPORT) " " FAIL(EPROTONOSUPPORT) " " FAIL(EPROTONOSUPPORT));

    line("socketpair");
    RET(call->socketpair(250, SOCK_STREAM, 0, ends));
    RET(call->socketpair(AF_INET, SOCK_STREAM, 0, ends));
    RET(call->socketpair(AF_UNIX, SOCK_STREAM, 7, ends));
    RET(call->socketpair(AF_UNIX, 0x100 | SOCK_STREAM, 0, ends));
    want(FAIL(EAFNOSUPPORT) " " FAIL(EOPNOTSUPP) " " FAIL(EPROTONOSUPPORT) " " FAIL(EINVAL));
}

// fcntl(2): a lock that another has, and a wait for it that a signal ends; a pipe too small for what is in it; a file that is no
// directory. Locks of open file descriptions, which one process may have two of.
static void interrupt(void *thread) { pthread_kill(*(pthread_t *)thread, SIGUSR1); }

CASE(locks_and_sizes) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1}, asked = lock;
    pthread_t self = pthread_self();
    char path[64];
    line("a lock");
    int mine = file_with("abc");
    snprintf(path, sizeof path, "/proc/self/fd/%d", mine);
    int other = open(path, O_RDWR);
    RET(call->fcntl(mine, F_OFD_SETLK, (uintptr_t)&lock));
    RET(call->fcntl(other, F_OFD_SETLK, (uintptr_t)&lock));
    RET(call->fcntl(other, F_OFD_GETLK, (uintptr_t)&asked));
    see("type=%s", asked.l_type == F_WRLCK ? "write" : "another");
    count_signal(SIGUSR1, 0);
    when_asleep(interrupt, &self);
    RET(call->fcntl(other, F_OFD_SETLKW, (uintptr_t)&lock));
    helped();
    count_signal_no_more(SIGUSR1);
    see("signals=%d", signals_seen);
    RET(call->fcntl(other, F_OFD_SETLK, (uintptr_t)memory(AT_ONE)));
    want(OK(0) " " FAIL(EAGAIN) " " OK(0) " type=write " FAIL(EINTR) " signals=1 " FAIL(EFAULT));

    int ends[2];
    char many[8192] = "";
    line("sizes");
    NEED(pipe(ends) == 0 && write(ends[1], many, sizeof many) == sizeof many);
    RET(call->fcntl(ends[0], F_SETPIPE_SZ, 4096));
    RET(call->fcntl(mine = file_with("abc"), F_SETPIPE_SZ, 4096));
    RET(call->fcntl(mine, F_NOTIFY, DN_ACCESS));
    want(FAIL(EBUSY) " " FAIL(EBADF) " " FAIL(ENOTDIR));
}

// ---- Rights ----

static void without_privileges(int without) { syscall(SYS_setresuid, -1, without ? 65534 : 0, -1); }

// capabilities(7): CAP_NET_RAW, CAP_NET_ADMIN.
CASE(what_only_root_may) {
    int mark = 7, priority = 7, yes = 1, fd;
    line("options");
    fd = lone(TCP4, BLOCKING);
    without_privileges(1);
    RET(call->setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark));
    RET(call->setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &priority, sizeof priority));
    RET(call->setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &yes, sizeof yes));
    RET(call->socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    without_privileges(0);
    want(FAIL(EPERM) " " FAIL(EPERM) " " FAIL(EPERM) " " FAIL(EPERM));
}
