// EFAULT at every pointer that is handed over: memory that is not there, that may not be written, that ends in the middle. What the
// call had taken by then is part of the answer. (Each page's entry for EFAULT.)
#include "case.h"
#include "door.h"
#include "io.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int in_kernel(enum memory at) { return at == AT_KERNEL || at == NOT_CANONICAL; }

static void read_into(enum reading how, int fd, void *bytes, size_t room) {
    struct iovec piece = {bytes, room};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1, .msg_flags = 0x5a5a}, .msg_len = 77};
    switch (how) {
        case READ: RET(call->read(fd, bytes, room)); break;
        case READV: RET(call->readv(fd, &piece, 1)); break;
        case RECV: RET(call->recv(fd, bytes, room, 0)); break;
        case RECVFROM: RET(call->recvfrom(fd, bytes, room, 0, NULL, NULL)); break;
        case RECVMSG: RET(call->recvmsg(fd, &message.msg_hdr, 0)); break;
        default: RET(call->recvmmsg(fd, &message, 1, 0, NULL)); break;
    }
    see("flags=%x len=%u", (unsigned)message.msg_hdr.msg_flags, message.msg_len);
}

CASE(a_buffer_that_cannot_be_written) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            for (enum memory at = 0; at < MEMORIES; at++) {
                for (enum reading how = 0; how < READINGS; how++) {
                    struct two pair = two(kind, mode);
                    line("%s %s %s %s", reading_name[how], kind_name[kind], mode_name[mode], memory_name[at]);
                    put(pair.there, "abcd");
                    read_into(how, pair.here, memory(at), 8);
                    see_left(pair.here);
                    // Addresses that are no user's are refused before anything is looked at; at others a message is lost.
                    int lost = !is_stream(kind) && !in_kernel(at);
                    want(FAIL(EFAULT) " flags=5a5a len=77 left=%s", lost ? "EAGAIN" : "abcd");
                }
            }
        }
    }
}

CASE(a_buffer_that_cannot_be_written_and_nothing_to_write) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum memory at = 0; at < MEMORIES; at++) {
            for (enum reading how = 0; how < READINGS; how++) {
                line("%s %s %s", reading_name[how], kind_name[kind], memory_name[at]);
                read_into(how, two(kind, NONBLOCK).here, memory(at), 8);
                want("ret=-1 errno=%s flags=5a5a len=77", in_kernel(at) ? "EFAULT" : "EAGAIN");
            }
        }
    }
}

static void say_abcd(void *to) { put(*(int *)to, "abcd"); }

// The wait comes first: nobody looks at the buffer before there is something to put into it.
CASE(a_buffer_that_cannot_be_written_after_a_wait) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum reading how = 0; how < READINGS; how++) {
            struct two pair = two(kind, BLOCKING);
            line("%s %s", reading_name[how], kind_name[kind]);
            when_asleep(say_abcd, &pair.there);
            read_into(how, pair.here, memory(PAGE_WITHOUT_RIGHTS), 8);
            helped();
            see_left(pair.here);
            want(FAIL(EFAULT) " flags=5a5a len=77 left=%s", is_stream(kind) ? "abcd" : "EAGAIN");
        }
    }
}

CASE(a_buffer_that_ends_in_the_middle) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            for (enum reading how = 0; how < READINGS; how++) {
                struct two pair = two(kind, mode);
                unsigned char *bytes = edge(4);
                line("%s %s %s", reading_name[how], kind_name[kind], mode_name[mode]);
                put(pair.there, "abcdefgh");
                read_into(how, pair.here, bytes, 8);
                see_left(pair.here);
                want(FAIL(EFAULT) " flags=5a5a len=77 left=%s", is_stream(kind) ? "abcdefgh" : "EAGAIN");
            }
        }
    }
}

CASE(a_second_piece_that_cannot_be_written) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            for (enum reading how = READV; how < READINGS; how++) {
                if (how == RECV || how == RECVFROM) {
                    continue;
                }
                struct two pair = two(kind, mode);
                struct buffer first = fresh();
                struct iovec pieces[2] = {{first.bytes, 3}, {memory(PAGE_WITHOUT_RIGHTS), 8}};
                struct mmsghdr message = {.msg_hdr = {.msg_iov = pieces, .msg_iovlen = 2, .msg_flags = 0x5a5a}, .msg_len = 77};
                line("%s %s %s", reading_name[how], kind_name[kind], mode_name[mode]);
                put(pair.there, "abcd");
                RET(how == READV ? call->readv(pair.here, pieces, 2)
                    : how == RECVMSG ? call->recvmsg(pair.here, &message.msg_hdr, 0)
                                     : call->recvmmsg(pair.here, &message, 1, 0, NULL));
                see_left(pair.here);
                // A unix stream hands over what it could.
                want(FAIL(EFAULT) " left=%s", is_stream(kind) ? "abcd" : "EAGAIN");
            }
        }
    }
}

static void write_from(enum writing how, int fd, void *bytes, size_t size) {
    struct iovec piece = {bytes, size};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}, .msg_len = 77};
    switch (how) {
        case WRITE: RET(call->write(fd, bytes, size)); break;
        case WRITEV: RET(call->writev(fd, &piece, 1)); break;
        case SEND: RET(call->send(fd, bytes, size, 0)); break;
        case SENDTO: RET(call->sendto(fd, bytes, size, 0, NULL, 0)); break;
        case SENDMSG: RET(call->sendmsg(fd, &message.msg_hdr, 0)); break;
        default: RET(call->sendmmsg(fd, &message, 1, 0)); break;
    }
    see("len=%u", message.msg_len);
}

CASE(a_buffer_that_cannot_be_read) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            for (enum memory at = 0; at < READ_ONLY; at++) {
                for (enum writing how = 0; how < WRITINGS; how++) {
                    struct two pair = two(kind, mode);
                    line("%s %s %s %s", writing_name[how], kind_name[kind], mode_name[mode], memory_name[at]);
                    write_from(how, pair.here, memory(at), 8);
                    see_left(pair.there);
                    want(FAIL(EFAULT) " len=77 left=EAGAIN");
                }
            }
            for (enum writing how = 0; how < WRITINGS; how++) {
                struct two pair = two(kind, mode);
                line("%s %s %s ends in the middle", writing_name[how], kind_name[kind], mode_name[mode]);
                write_from(how, pair.here, edge(4), 8);
                see_left(pair.there);
                want(FAIL(EFAULT) " len=77 left=EAGAIN");
            }
        }
    }
}

// The structures that name the buffers.
CASE(a_message_or_a_vector_that_is_not_there) {
    if (is_musl && !call->raw) {
        // musl copies a message's header before the kernel sees it, and faults itself.
        return;
    }
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            for (enum memory at = 0; at < READ_ONLY; at++) {
                struct two pair = two(kind, mode);
                line("%s %s %s", kind_name[kind], mode_name[mode], memory_name[at]);
                put(pair.there, "abcd");
                RET(call->readv(pair.here, memory(at), 1));
                RET(call->writev(pair.here, memory(at), 1));
                RET(call->recvmsg(pair.here, memory(at), 0));
                RET(call->sendmsg(pair.here, memory(at), 0));
                RET(call->recvmmsg(pair.here, memory(at), 1, 0, NULL));
                RET(call->sendmmsg(pair.here, memory(at), 1, 0));
                struct mmsghdr message = {.msg_hdr = {.msg_iov = memory(at), .msg_iovlen = 1}};
                RET(call->recvmsg(pair.here, &message.msg_hdr, 0));
                RET(call->sendmsg(pair.here, &message.msg_hdr, 0));
                RET(call->recvmmsg(pair.here, &message, 1, 0, NULL));
                RET(call->sendmmsg(pair.here, &message, 1, 0));
                see_left(pair.here);
                see_left(pair.there);
                want(FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT) " "
                     FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT) " left=abcd left=EAGAIN");
            }
        }
    }
}

CASE(a_message_that_cannot_be_written_back) {
    if (is_musl && !call->raw) {
        // musl writes it back itself.
        return;
    }
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum mode mode = 0; mode < MODES; mode++) {
            struct two pair = two(kind, mode);
            static struct buffer buffer;
            static struct iovec piece = {buffer.bytes, 8};
            buffer = fresh();
            line("%s %s", kind_name[kind], mode_name[mode]);
            put(pair.there, "abcd");
            // recvmsg(2) writes msg_namelen and msg_flags after the bytes were taken.
            char *page = memory(READ_ONLY);
            RET(call->recvmsg(pair.here, (void *)page, 0));
            (void)piece;
            see_left(pair.here);
            // Filled with the canary byte, it names a vector that is not there.
            want("ret=-1 errno=%s left=abcd", "EINVAL");
        }
    }
}

// recvfrom(2), accept(2): the name and its length.
CASE(a_name_that_cannot_be_written) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum memory at = 0; at < MEMORIES; at++) {
            struct two pair = two(kind, BLOCKING);
            struct buffer buffer = fresh();
            struct name name = fresh_name(sizeof name.address);
            line("recvfrom %s %s", kind_name[kind], memory_name[at]);
            put(pair.there, "abcd");
            RET(call->recvfrom(pair.here, buffer.bytes, 8, 0, memory(at), &name.length));
            int named = kind == UDP4 || kind == UDP6 || kind == UNIX_PATH;
            see("buf=%s namelen=%d", text_of(&buffer), (int)name.length);
            see_left(pair.here);
            // Where there is no name, its place is not looked at.
            if (at == AT_NULL) {
                want(OK(4) " buf=abcd namelen=128 left=EAGAIN");
            } else if (named) {
                // The length is written first (move_addr_to_user in net/socket.c).
                want(FAIL(EFAULT) " buf=abcd namelen=%d left=EAGAIN", kind == UDP4 ? 16 : kind == UDP6 ? 28 : 33);
            } else {
                want(OK(4) " buf=abcd namelen=0 left=EAGAIN");
            }
        }
        for (enum memory at = 0; at < MEMORIES; at++) {
            struct two pair = two(kind, BLOCKING);
            struct buffer buffer = fresh();
            struct name name = fresh_name(sizeof name.address);
            line("recvfrom %s its length at %s", kind_name[kind], memory_name[at]);
            put(pair.there, "abcd");
            RET(call->recvfrom(pair.here, buffer.bytes, 8, 0, &name.address, memory(at)));
            see("buf=%s", text_of(&buffer));
            see_left(pair.here);
            // The canary bytes of the page that can be read are a negative length.
            want("ret=-1 errno=%s buf=abcd left=EAGAIN", at == READ_ONLY ? "EINVAL" : "EFAULT");
        }
    }
}

CASE(a_name_with_an_odd_length) {
    static const int lengths[] = {-1, 0, 1, 2, 8, 200};
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            struct two pair = two(kind, BLOCKING);
            struct buffer buffer = fresh();
            struct name name = fresh_name((socklen_t)lengths[i]);
            line("%s %d", kind_name[kind], lengths[i]);
            put(pair.there, "abcd");
            RET(call->recvfrom(pair.here, buffer.bytes, 8, 0, &name.address, &name.length));
            see("buf=%s namelen=%d", text_of(&buffer), (int)name.length);
            // recvfrom(2): the length comes back as the name's own, also where the name was cut off.
            int own = kind == UDP4 ? 16 : kind == UDP6 ? 28 : kind == UNIX_PATH ? 33 : 0;
            if (lengths[i] < 0) {
                want(FAIL(EINVAL) " buf=abcd namelen=-1");
            } else {
                want(OK(4) " buf=abcd namelen=%d", own);
            }
        }
    }
}

CASE(accept_cannot_write_the_name) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        if (is_datagram(kind) || kind == TCP4_ACCEPTED) {
            continue;
        }
        for (enum memory at = 0; at < MEMORIES; at++) {
            struct place place;
            struct name name = fresh_name(sizeof name.address);
            int listener = listening(kind, BLOCKING, 2, &place), there;
            line("%s %s", kind_name[kind], memory_name[at]);
            dialled(kind, &place);
            RET(there = call->accept(listener, memory(at), &name.length) >= 0);
            see("namelen=%d", (int)name.length);
            // accept(2): NULL takes no name. After EFAULT the connection is gone, as the descriptor is.
            if (at == AT_NULL) {
                want(OK(1) " namelen=128");
            } else {
                // The length is written first; a unix client without a name has two bytes of family.
                want("ret=0 errno=EFAULT namelen=%d", kind == TCP4 ? 16 : kind == TCP6 ? 28 : 2);
            }
        }
        for (enum memory at = 0; at < READ_ONLY; at++) {
            struct place place;
            struct name name = fresh_name(sizeof name.address);
            int listener = listening(kind, BLOCKING, 2, &place);
            line("%s its length at %s", kind_name[kind], memory_name[at]);
            dialled(kind, &place);
            RET(call->accept4(listener, &name.address, memory(at), 0));
            if (is_musl && !call->raw) {
                // With flags that nobody knows musl's is an accept first.
                want(FAIL(EFAULT));
                continue;
            }
            RET(call->accept4(listener, &name.address, memory(at), SOCK_CLOEXEC | 1));
            want(FAIL(EFAULT) " " FAIL(EINVAL));
        }
    }
}

CASE(addresses_that_cannot_be_read) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum memory at = 0; at < READ_ONLY; at++) {
            if (kind == TCP4_ACCEPTED) {
                continue;
            }
            line("%s %s", kind_name[kind], memory_name[at]);
            int fd = lone(kind, NONBLOCK);
            RET(call->connect(fd, memory(at), 16));
            RET(call->sendto(fd, "abc", 3, 0, at == AT_NULL ? (void *)1 : memory(at), 16));
            struct iovec piece = {"abc", 3};
            struct msghdr message = {.msg_name = at == AT_NULL ? (void *)1 : memory(at), .msg_namelen = 16, .msg_iov = &piece, .msg_iovlen = 1};
            RET(call->sendmsg(fd, &message, 0));
            want(FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT));
        }
    }
}

CASE(options_at_bad_addresses) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum memory at = 0; at < MEMORIES; at++) {
            struct two pair = two(kind, BLOCKING);
            socklen_t size = sizeof(struct timeval), four = 4;
            int value = 1;
            line("%s %s", kind_name[kind], memory_name[at]);
            RET(call->getsockopt(pair.here, SOL_SOCKET, SO_RCVTIMEO, memory(at), &size));
            RET(call->getsockopt(pair.here, SOL_SOCKET, SO_ERROR, memory(at), &four));
            see("sizes=%d,%d", (int)size, (int)four);
            if (at != READ_ONLY) {
                RET(call->getsockopt(pair.here, SOL_SOCKET, SO_TYPE, &value, memory(at)));
                RET(call->setsockopt(pair.here, SOL_SOCKET, SO_RCVTIMEO, memory(at), sizeof(struct timeval)));
                RET(call->setsockopt(pair.here, SOL_SOCKET, SO_SNDTIMEO, memory(at), sizeof(struct timeval)));
                RET(call->setsockopt(pair.here, SOL_SOCKET, SO_KEEPALIVE, memory(at), 4));
            }
            if (at == READ_ONLY) {
                want(FAIL(EFAULT) " " FAIL(EFAULT) " sizes=16,4");
            } else {
                want(FAIL(EFAULT) " " FAIL(EFAULT) " sizes=16,4 " FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT));
            }
        }
    }
}

CASE(waits_at_bad_addresses) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum memory at = 0; at < MEMORIES; at++) {
            struct two pair = two(kind, NONBLOCK);
            int fd = pair.here;
            fd_set set;
            struct timeval short_time = {0, 1};
            struct timespec none = {0, 0};
            line("%s %s", kind_name[kind], memory_name[at]);
            put(pair.there, "abcd");
            FD_ZERO(&set);
            FD_SET(fd, &set);
            if (at != READ_ONLY) {
                RET(call->poll(memory(at), 1, 0));
                RET(call->ppoll(memory(at), 1, &none, NULL));
            } else {
                // A pollfd of canary bytes has a negative number; its revents is written all the same.
                RET(call->poll(memory(at), 1, 0));
                RET(call->ppoll(memory(at), 1, &none, NULL));
            }
            struct pollfd one = {fd, POLLIN, 0x77};
            if (at != AT_NULL && at != READ_ONLY) {
                RET(call->ppoll(&one, 1, &none, memory(at)));
                see("revents=%x", (unsigned)one.revents);
                RET(call->select(fd + 1, memory(at), NULL, NULL, &short_time));
                RET(call->select(fd + 1, NULL, memory(at), NULL, &short_time));
                RET(call->select(fd + 1, NULL, NULL, memory(at), &short_time));
                RET(call->pselect(fd + 1, &set, memory(at), NULL, &none, NULL));
                RET(call->pselect(fd + 1, &set, NULL, NULL, &none, memory(at)));
                see("set=%d", FD_ISSET(fd, &set) != 0);
                want(FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT) " revents=77 " FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT) " "
                     FAIL(EFAULT) " " FAIL(EFAULT) " set=1");
            } else {
                want(FAIL(EFAULT) " " FAIL(EFAULT));
            }
        }
    }
}

CASE(epoll_at_bad_addresses) {
    for (enum kind kind = 0; kind < KINDS; kind++) {
        for (enum memory at = 0; at < MEMORIES; at++) {
            struct two pair = two(kind, NONBLOCK);
            struct epoll_event event = {.events = EPOLLIN, .data.u64 = 7};
            struct buffer out = fresh();
            int set = epoll_create1(0);
            line("%s %s", kind_name[kind], memory_name[at]);
            if (at != READ_ONLY) {
                RET(call->epoll_ctl(set, EPOLL_CTL_ADD, pair.here, memory(at)));
                NEED(call->epoll_ctl(set, EPOLL_CTL_ADD, pair.here, &event) == 0);
                RET(call->epoll_ctl(set, EPOLL_CTL_MOD, pair.here, memory(at)));
            } else {
                NEED(call->epoll_ctl(set, EPOLL_CTL_ADD, pair.here, &event) == 0);
            }
            // Nothing is written where there is no event, but the range is looked at.
            RET(call->epoll_wait(set, memory(at), 3, 0));
            put(pair.there, "abcd");
            RET(call->epoll_wait(set, memory(at), 3, 0));
            RET(call->epoll_pwait(set, memory(at), 3, 100, NULL));
            RET(call->epoll_wait(set, (void *)out.bytes, 3, 0));
            see("events=%x", (unsigned)((struct epoll_event *)out.bytes)->events);
            RET(call->epoll_ctl(set, EPOLL_CTL_DEL, pair.here, memory(at)));
            if (at != READ_ONLY) {
                want(FAIL(EFAULT) " " FAIL(EFAULT) " %s " FAIL(EFAULT) " " FAIL(EFAULT) " " OK(1) " events=1 " OK(0),
                     in_kernel(at) ? FAIL(EFAULT) : OK(0));
            } else {
                want(OK(0) " " FAIL(EFAULT) " " FAIL(EFAULT) " " OK(1) " events=1 " OK(0));
            }
        }
    }
}

// epoll_pwait2(2): also its time. (glibc's ppoll, select and pselect read theirs themselves; here only the kernel does.)
CASE(times_at_bad_addresses) {
    for (enum memory at = AT_ONE; at < READ_ONLY; at++) {
        struct two pair = two(TCP4, NONBLOCK);
        struct epoll_event event = {.events = EPOLLIN}, out[2];
        int set = epoll_create1(0), fd = pair.here;
        NEED(call->epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
        line("epoll_pwait2 %s", memory_name[at]);
        RET(call->epoll_pwait2(set, out, 2, memory(at), NULL));
        put(pair.there, "abcd");
        RET(call->epoll_pwait2(set, out, 2, memory(at), NULL));
        RET(call->epoll_pwait2(set, out, 2, NULL, memory(at)));
        want(FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT));
        if (call->raw) {
            struct pollfd one = {fd, POLLIN, 0x77};
            fd_set in;
            FD_ZERO(&in);
            FD_SET(fd, &in);
            line("others %s", memory_name[at]);
            RET(call->ppoll(&one, 1, memory(at), NULL));
            see("revents=%x", (unsigned)one.revents);
            RET(call->select(fd + 1, &in, NULL, NULL, memory(at)));
            RET(call->pselect(fd + 1, &in, NULL, NULL, memory(at), NULL));
            see("set=%d", FD_ISSET(fd, &in) != 0);
            want(FAIL(EFAULT) " revents=77 " FAIL(EFAULT) " " FAIL(EFAULT) " set=1");
        }
    }
}

CASE(events_that_end_in_the_middle) {
    struct two first = two(TCP4, NONBLOCK), second = two(TCP6, NONBLOCK);
    struct epoll_event one = {.events = EPOLLIN, .data.u64 = 1}, two_ = {.events = EPOLLIN, .data.u64 = 2};
    int set = epoll_create1(0);
    struct epoll_event *out = edge(sizeof *out);
    NEED(call->epoll_ctl(set, EPOLL_CTL_ADD, first.here, &one) == 0 && call->epoll_ctl(set, EPOLL_CTL_ADD, second.here, &two_) == 0);
    put(first.there, "a");
    put(second.there, "b");
    // What could be told is told; the other stays.
    line("%s", "");
    RET(call->epoll_wait(set, out, 2, 0));
    see("data=%d", (int)out->data.u64);
    RET(call->epoll_wait(set, out, 1, 0));
    see("data=%d", (int)out->data.u64);
    want(OK(1) " data=1 " OK(1) " data=2");
}

CASE(other_out_parameters) {
    for (enum memory at = 0; at < MEMORIES; at++) {
        struct two pair = two(TCP4, BLOCKING);
        int text = file_with("abc"), ends[2];
        NEED(pipe(ends) == 0 && write(ends[1], "xyz", 3) == 3);
        line("%s", memory_name[at]);
        RET(call->socketpair(AF_UNIX, SOCK_STREAM, 0, memory(at)));
        RET(call->ioctl(pair.here, FIONREAD, (uintptr_t)memory(at)));
        if (at != READ_ONLY) {
            RET(call->ioctl(pair.here, FIONBIO, (uintptr_t)memory(at)));
        }
        see("blocking=%d", !(fcntl(pair.here, F_GETFL) & O_NONBLOCK));
        if (at != AT_NULL && at != READ_ONLY) {
            RET(call->sendfile(pair.here, text, memory(at), 3));
            RET(call->splice(text, memory(at), ends[1], NULL, 3, 0));
            see_left(pair.there);
            RET(call->fcntl(pair.here, F_SETOWN_EX, (uintptr_t)memory(at)));
        }
        if (at == AT_NULL) {
            want(FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT) " blocking=1");
        } else if (at == READ_ONLY) {
            want(FAIL(EFAULT) " " FAIL(EFAULT) " blocking=1");
        } else {
            want(FAIL(EFAULT) " " FAIL(EFAULT) " " FAIL(EFAULT) " blocking=1 " FAIL(EFAULT) " " FAIL(EFAULT) " left=EAGAIN " FAIL(EFAULT));
        }
    }
}
