// The calls that move bytes (io.h).
#include "io.h"

#include "case.h"
#include "door.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const reading_name[READINGS] = {"read", "readv", "recv", "recvfrom", "recvmsg", "recvmmsg"};
const char *const writing_name[WRITINGS] = {"write", "writev", "send", "sendto", "sendmsg", "sendmmsg"};

// What nobody writes unless the call succeeds.
enum { FLAGS_BEFORE = 0x5a5a, LENGTH_BEFORE = 77 };

static void two_pieces(struct iovec pieces[2], void *bytes, size_t room) {
    pieces[0] = (struct iovec){bytes, room / 2};
    pieces[1] = (struct iovec){(char *)bytes + room / 2, room - room / 2};
}

void do_read(enum reading which, int fd, size_t room, int flags) {
    struct buffer buffer = fresh(), control = fresh();
    struct name name = fresh_name(sizeof name.address);
    struct iovec pieces[2];
    two_pieces(pieces, buffer.bytes, room);
    struct mmsghdr message = {.msg_len = LENGTH_BEFORE};
    message.msg_hdr.msg_name = &name.address;
    message.msg_hdr.msg_namelen = name.length;
    message.msg_hdr.msg_iov = pieces;
    message.msg_hdr.msg_iovlen = 2;
    message.msg_hdr.msg_control = control.bytes;
    message.msg_hdr.msg_controllen = ROOM;
    message.msg_hdr.msg_flags = FLAGS_BEFORE;
    switch (which) {
        case READ: RET(call->read(fd, buffer.bytes, room)); break;
        case READV: RET(call->readv(fd, pieces, 2)); break;
        case RECV: RET(call->recv(fd, buffer.bytes, room, flags)); break;
        case RECVFROM: RET(call->recvfrom(fd, buffer.bytes, room, flags, &name.address, &name.length)); break;
        case RECVMSG: RET(call->recvmsg(fd, &message.msg_hdr, flags)); break;
        default: RET(call->recvmmsg(fd, &message, 1, flags, NULL)); break;
    }
    see("buf=%s", text_of(&buffer));
    if (which == RECVMSG || which == RECVMMSG) {
        name.length = message.msg_hdr.msg_namelen;
        see("control=%s/%d flags=%x", text_of(&control), (int)message.msg_hdr.msg_controllen, (unsigned)message.msg_hdr.msg_flags);
    }
    if (which >= RECVFROM) {
        see_name(&name);
    }
    if (which == RECVMMSG) {
        see("len=%u", message.msg_len);
    }
}

static const char *composed(enum reading which, const char *answer, const char *text, const char *control, const char *name,
                            unsigned length) {
    static char wanted[512];
    int n = snprintf(wanted, sizeof wanted, "%s buf=%s", answer, text);
    if (which == RECVMSG || which == RECVMMSG) {
        n += snprintf(wanted + n, sizeof wanted - (size_t)n, " control=kept/%s", control);
    }
    if (which >= RECVFROM) {
        n += snprintf(wanted + n, sizeof wanted - (size_t)n, " %s", name);
    }
    if (which == RECVMMSG) {
        snprintf(wanted + n, sizeof wanted - (size_t)n, " len=%u", length);
    }
    return wanted;
}

const char *reads(enum reading which, enum kind kind, const char *text) {
    char answer[64], name[64];
    size_t length = strlen(text);
    // recvmmsg(2): messages; the others: bytes.
    snprintf(answer, sizeof answer, "ret=%zu errno=kept", which == RECVMMSG ? 1 : length);
    // recvfrom(2): a connection-oriented socket may leave the name out; Linux's TCP says so by the length 0.
    snprintf(name, sizeof name, "name=kept/0 namelen=0");
    if (kind == UDP4 || kind == UDP6) {
        snprintf(name, sizeof name, kind == UDP4 ? "name=inet/16 namelen=16" : "name=inet6/28 namelen=28");
    } else if (kind == UNIX_PATH) {
        snprintf(name, sizeof name, "name=unix/33 namelen=33");
    }
    return composed(which, answer, *text ? text : "kept", "0 flags=0", name, (unsigned)length);
}

const char *reads_not(enum reading which, const char *error) {
    char answer[64];
    snprintf(answer, sizeof answer, "ret=-1 errno=%s", error);
    return composed(which, answer, "kept", "96 flags=5a5a", "name=kept/0 namelen=128", LENGTH_BEFORE);
}

void do_write(enum writing which, int fd, const char *text, int flags) {
    struct iovec pieces[2];
    size_t length = strlen(text);
    two_pieces(pieces, (void *)(uintptr_t)text, length);
    struct mmsghdr message = {.msg_len = LENGTH_BEFORE};
    message.msg_hdr.msg_iov = pieces;
    message.msg_hdr.msg_iovlen = 2;
    message.msg_hdr.msg_flags = FLAGS_BEFORE;
    switch (which) {
        case WRITE: RET(call->write(fd, text, length)); break;
        case WRITEV: RET(call->writev(fd, pieces, 2)); break;
        case SEND: RET(call->send(fd, text, length, flags)); break;
        case SENDTO: RET(call->sendto(fd, text, length, flags, NULL, 0)); break;
        case SENDMSG: RET(call->sendmsg(fd, &message.msg_hdr, flags)); break;
        default: RET(call->sendmmsg(fd, &message, 1, flags)); break;
    }
    if (which == SENDMMSG) {
        see("len=%u", message.msg_len);
    }
    if (which >= SENDMSG && message.msg_hdr.msg_flags != FLAGS_BEFORE) {
        see("CHANGED(msg_flags)");
    }
}

const char *writes(enum writing which, const char *text) {
    static char wanted[64];
    unsigned long length = strlen(text);
    if (which == SENDMMSG) {
        snprintf(wanted, sizeof wanted, "ret=1 errno=kept len=%lu", length);
    } else {
        snprintf(wanted, sizeof wanted, "ret=%lu errno=kept", length);
    }
    return wanted;
}

const char *writes_not(enum writing which, const char *error) {
    static char wanted[64];
    snprintf(wanted, sizeof wanted, "ret=-1 errno=%s%s", error, which == SENDMMSG ? " len=77" : "");
    return wanted;
}

void see_left(int fd) {
    char text[256] = "";
    ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
    if (n > 0) {
        text[n] = 0;
        see("left=%s", text);
    } else {
        see("left=%s", n == 0 ? "end" : error_name(errno));
    }
}

void put(int fd, const char *text) { NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text)); }
