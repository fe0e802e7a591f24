// Sockets in every state (states.h). The bits are what poll(2) and the kernel's tcp_poll, udp_poll, unix_poll and unix_dgram_poll say
// (net/ipv4/tcp.c, net/unix/af_unix.c at 6.18).
#include "states.h"

#include "case.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *const state_name[STATES] = {"quiet", "readable", "full", "peer-shut", "data-then-shut", "peer-closed", "reset",
                                        "shut-for-reading", "shut-for-writing", "shut-both", "urgent", "unconnected", "listening",
                                        "client-waits", "refused"};
// Above what `want` looks at: it closes what is below.
enum { ABOVE = 70, KEPT = 8 };
static int kept[KEPT], many;

static int tcp(enum kind kind) { return kind == TCP4 || kind == TCP4_ACCEPTED || kind == TCP6; }

int has_state(enum kind kind, enum state state) {
    int connected = !is_datagram(kind);
    switch (state) {
        case FULL: return kind != UDP4 && kind != UDP6;
        case PEER_SHUT:
        case DATA_THEN_SHUT:
        case PEER_CLOSED:
        case RESET: return connected;
        case URGENT: return tcp(kind);
        case LISTENING:
        case CLIENT_WAITS: return connected && kind != TCP4_ACCEPTED;
        case UNCONNECTED: return kind != TCP4_ACCEPTED;
        case REFUSED: return kind == TCP4 || kind == TCP6 || kind == UDP4 || kind == UDP6;
        default: return 1;
    }
}

static int keep(int fd) {
    int high = fcntl(fd, F_DUPFD_CLOEXEC, ABOVE);
    NEED(high >= ABOVE && many < KEPT);
    close(fd);
    return kept[many++] = high;
}

void leave_state(void) {
    while (many) {
        close(kept[--many]);
    }
}

static void comes(int fd, short events) {
    struct pollfd one = {fd, events, 0};
    NEED(poll(&one, 1, 5000) == 1);
}

static int refused(enum kind kind) {
    struct place place = nowhere(kind);
    int fd = lone(kind, NONBLOCK), done = connect(fd, &place.at.any, place.length);
    if (is_datagram(kind)) {
        NEED(done == 0 && send(fd, "a", 1, 0) == 1);
    }
    comes(fd, 0);
    return fd;
}

static int listener(enum kind kind, int with_client) {
    struct place place;
    int fd = listening(kind, NONBLOCK, 4, &place);
    if (with_client) {
        keep(dialled(kind, &place));
        comes(fd, POLLIN);
    }
    return keep(fd);
}

int in_state(enum kind kind, enum state state) {
    many = 0;
    switch (state) {
        case UNCONNECTED: return keep(lone(kind, NONBLOCK));
        case REFUSED: return keep(refused(kind));
        case LISTENING: return listener(kind, 0);
        case CLIENT_WAITS: return listener(kind, 1);
        default: break;
    }
    struct two pair = two(kind, NONBLOCK);
    int least = 1;
    switch (state) {
        case READABLE:
        case DATA_THEN_SHUT: NEED(write(pair.there, "ab", 2) == 2); break;
        case FULL:
            setsockopt(pair.here, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
            fill(pair.here, pair.there);
            break;
        case RESET: NEED(write(pair.here, "ab", 2) == 2); break;
        case URGENT: NEED(send(pair.there, "u", 1, MSG_OOB) == 1); break;
        case SHUT_FOR_READING: shutdown(pair.here, SHUT_RD); break;
        case SHUT_FOR_WRITING: shutdown(pair.here, SHUT_WR); break;
        case SHUT_BOTH: shutdown(pair.here, SHUT_RDWR); break;
        default: break;
    }
    if (state == PEER_SHUT || state == DATA_THEN_SHUT) {
        shutdown(pair.there, SHUT_WR);
        comes(pair.here, POLLRDHUP);
    } else if (state == RESET) {
        // Closed with bytes that it has not read.
        comes(pair.there, POLLIN);
        struct linger at_once = {1, 0};
        setsockopt(pair.there, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    } else if (state == READABLE || state == URGENT) {
        comes(pair.here, POLLIN | POLLPRI);
    }
    int here = keep(pair.here);
    if (state == PEER_CLOSED || state == RESET) {
        close(pair.there);
        comes(here, POLLRDHUP);
    } else {
        keep(pair.there);
    }
    return here;
}

unsigned bits_of(enum kind kind, enum state state) {
    unsigned end = POLLIN | POLLRDHUP;
    int local = !is_ip(kind);
    switch (state) {
        case QUIET: return POLLOUT;
        case READABLE: return POLLIN | POLLOUT;
        case FULL:
        case LISTENING: return 0;
        case CLIENT_WAITS: return POLLIN;
        case PEER_SHUT:
        case DATA_THEN_SHUT: return end | POLLOUT;
        // A unix socket's other half has both directions shut, a TCP one's only what it sent.
        case PEER_CLOSED: return end | POLLOUT | (local ? POLLHUP : 0u);
        case RESET: return end | POLLOUT | POLLHUP | POLLERR;
        case SHUT_FOR_READING: return end | POLLOUT;
        case SHUT_FOR_WRITING: return POLLOUT;
        case SHUT_BOTH: return end | POLLOUT | POLLHUP;
        case URGENT: return POLLOUT | POLLPRI;
        case UNCONNECTED: return is_datagram(kind) ? POLLOUT : POLLOUT | POLLHUP;
        default: return is_datagram(kind) ? POLLOUT | POLLERR : end | POLLOUT | POLLERR | POLLHUP;
    }
}

const char *events_text(unsigned events) {
    static char texts[8][128];
    static int turn;
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {{POLLIN, "IN"}, {POLLPRI, "PRI"}, {POLLOUT, "OUT"}, {POLLERR, "ERR"}, {POLLHUP, "HUP"}, {POLLNVAL, "NVAL"},
                 {POLLRDHUP, "RDHUP"}};
    char *text = texts[turn = (turn + 1) % 8];
    size_t at = 0;
    text[0] = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (events & names[i].bit) {
            at += (size_t)sprintf(text + at, "%s%s", at ? "|" : "", names[i].name);
            events &= ~names[i].bit;
        }
    }
    if (events) {
        sprintf(text + at, "%s%x", at ? "|" : "", events);
    }
    return *text ? text : "-";
}
