// connect where there is no way, or nobody answers: at once, later and never, and what interrupts it. (connect(2), tcp(7), ip(7),
// icmp(7), signal(7).) What is unreachable or silent is so in the suite's own network (net.h).
#include "case.h"
#include "dialling.h"
#include "door.h"
#include "net.h"
#include "place.h"

#include <fcntl.h>
#include <netinet/ip_icmp.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

// ---- There is no way ----

CASE(no_way) {
    static const struct {
        const char *name, *error;
        int type;
    } ways[] = {{"unreachable", "EHOSTUNREACH", RTN_UNREACHABLE}, {"prohibited", "EACCES", RTN_PROHIBIT},
                {"blackhole", "EINVAL", RTN_BLACKHOLE}, {"none", "ENETUNREACH", RTN_UNSPEC}};
    for (enum kind kind = 0; kind <= UDP6; kind++) {
        for (int way = 0; way < 4; way++) {
            for (enum mode mode = 0; mode < MODES && kind != TCP4_ACCEPTED; mode++) {
                struct place place = {.length = 0};
                int fd = lone(kind, mode), net = 20 + way, v6 = kind == TCP6 || kind == UDP6;
                line("%s %s %s", ways[way].name, kind_name[kind], mode_name[mode]);
                if (v6) {
                    place.at.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(80)};
                    place.at.v6.sin6_addr.s6_addr[0] = 0xfd;
                    place.at.v6.sin6_addr.s6_addr[3] = (unsigned char)net;
                    place.length = sizeof place.at.v6;
                } else {
                    place.at.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(80)};
                    place.at.v4.sin_addr.s_addr = htonl(0x0a000001u | (unsigned)net << 16);
                    place.length = sizeof place.at.v4;
                }
                if (ways[way].type != RTN_UNSPEC) {
                    NEED(route(v6 ? AF_INET6 : AF_INET, net, ways[way].type) == 0);
                }
                RET(dial(fd, &place));
                see_error(fd);
                see_peer(fd);
                want("ret=-1 errno=%s so_error=0 peer=ENOTCONN", ways[way].error);
            }
        }
    }
}

// ---- A router says so while it waits ----

static struct {
    int sniffer, code;
    uint16_t port;
} icmp;

// Answer the attempt's SYN with an ICMP "destination unreachable" of this code, as a router on the way would.
static void told(void *unused) {
    (void)unused;
    struct {
        struct icmphdr head;
        unsigned char quoted[28];
    } message;
    unsigned char packet[256];
    for (int i = 0; i < 200; i++) {
        ssize_t n = recv(icmp.sniffer, packet, sizeof packet, MSG_DONTWAIT);
        if (n < 0) {
            pause_ms(5);
        } else if (n >= 40 && memcmp(packet + 22, &icmp.port, 2) == 0) {
            break;
        }
    }
    memset(&message, 0, sizeof message);
    message.head.type = ICMP_DEST_UNREACH;
    message.head.code = (uint8_t)icmp.code;
    memcpy(message.quoted, packet, sizeof message.quoted);
    uint16_t words[18];
    uint32_t sum = 0;
    memcpy(words, &message, sizeof words);
    for (int i = 0; i < 18; i++) {
        sum += words[i];
    }
    sum = (sum & 0xffff) + (sum >> 16);
    message.head.checksum = (uint16_t) ~(sum + (sum >> 16));
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    NEED(sendto(raw, &message, sizeof message, 0, (struct sockaddr *)&to, sizeof to) == sizeof message);
    close(raw);
}

// icmp(7), RFC 1122 4.2.3.9: during the handshake each of them ends the attempt; the numbers are icmp_err_convert's.
CASE(told_that_there_is_no_way) {
    static const char *const errors[] = {"ENETUNREACH", "EHOSTUNREACH", "ENOPROTOOPT", "ECONNREFUSED", NULL, "EOPNOTSUPP", "ENETUNREACH",
                                         "EHOSTDOWN", "ENONET", "ENETUNREACH", "EHOSTUNREACH", "ENETUNREACH", "EHOSTUNREACH",
                                         "EHOSTUNREACH", "EHOSTUNREACH", "EHOSTUNREACH"};
    for (enum mode mode = 0; mode < MODES; mode++) {
        for (icmp.code = 0; icmp.code < 16; icmp.code++) {
            if (!errors[icmp.code]) {
                continue;
            }
            struct place place;
            line("code %d %s", icmp.code, mode_name[mode]);
            int fd = lone(TCP4, mode), listener = silent(TCP4, &place);
            icmp.sniffer = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
            NEED(icmp.sniffer >= 0);
            icmp.port = place.at.v4.sin_port;
            if (mode == BLOCKING) {
                when_asleep_for(25, told, NULL);
                RET(dial(fd, &place));
                helped();
            } else {
                RET(dial(fd, &place));
                told(NULL);
                see_events(fd, 2000);
                see_error(fd);
            }
            see_error(fd);
            see_peer(fd);
            // And another attempt. (ECONNABORTED: see nobody_listens in connecting.c.)
            awake(&listener);
            RET(dial(fd, &place));
            if (mode == BLOCKING) {
                want("ret=-1 errno=%s so_error=0 peer=ENOTCONN " OK(0), errors[icmp.code]);
            } else {
                want(FAIL(EINPROGRESS) " poll=1/in/out/rdhup/err/hup so_error=%s so_error=0 peer=ENOTCONN " FAIL(ECONNABORTED),
                     errors[icmp.code]);
            }
        }
    }
}

// ---- Nobody answers ----

static struct attempt {
    struct place place;
    int fd, error;
    long result, ms;
} attempts[2];

static void *attempted(void *which) {
    struct attempt *it = which;
    long began = now_ms();
    errno = UNTOUCHED;
    it->result = dial(it->fd, &it->place);
    it->error = errno;
    it->ms = now_ms() - began;
    return NULL;
}

// tcp(7), tcp_syn_retries: the kernel gives up by itself; with one retry after three seconds at most.
CASE(nobody_answers) {
    pthread_t threads[2];
    NEED(set_sysctl("ipv4/tcp_syn_retries", "1") == 0);
    line("%s", "");
    struct attempt later[2];
    int dead[2];
    for (int tcp = 0; tcp < 2; tcp++) {
        dead[tcp] = silent(tcp_kinds[tcp], &attempts[tcp].place);
        attempts[tcp].fd = lone(tcp_kinds[tcp], BLOCKING);
        later[tcp] = attempts[tcp];
        later[tcp].fd = lone(tcp_kinds[tcp], NONBLOCK);
        NEED(pthread_create(&threads[tcp], NULL, attempted, &attempts[tcp]) == 0);
        RET(dial(later[tcp].fd, &later[tcp].place));
        see_events(later[tcp].fd, 50);
        see_error(later[tcp].fd);
        RET(dial(later[tcp].fd, &later[tcp].place));
    }
    for (int tcp = 0; tcp < 2; tcp++) {
        see_events(later[tcp].fd, 10000);
        see_error(later[tcp].fd);
        pthread_join(threads[tcp], NULL);
        errno = attempts[tcp].error;
        did(attempts[tcp].result);
        see("%s", attempts[tcp].ms >= 900 && attempts[tcp].ms < 9000 ? "in time" : "NOT IN TIME");
        see_error(attempts[tcp].fd);
        awake(&dead[tcp]);
        RET(dial(attempts[tcp].fd, &attempts[tcp].place));
    }
    NEED(set_sysctl("ipv4/tcp_syn_retries", "6") == 0);
    want(FAIL(EINPROGRESS) " poll=0 so_error=0 " FAIL(EALREADY) " " FAIL(EINPROGRESS) " poll=0 so_error=0 " FAIL(EALREADY)
         " poll=1/in/out/rdhup/err/hup so_error=ETIMEDOUT " FAIL(ETIMEDOUT) " in time so_error=0 " OK(0)
         " poll=1/in/out/rdhup/err/hup so_error=ETIMEDOUT " FAIL(ETIMEDOUT) " in time so_error=0 " OK(0));
}

// socket(7): with SO_SNDTIMEO a blocking connect answers EINPROGRESS, and goes on in the background.
CASE(the_time_of_its_own_runs_out) {
    for (int tcp = 0; tcp < 2; tcp++) {
        struct place place;
        struct timeval time = {0, 60000};
        line("%s", kind_name[tcp_kinds[tcp]]);
        int fd = lone(tcp_kinds[tcp], BLOCKING), listener = silent(tcp_kinds[tcp], &place);
        NEED(call->setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0);
        long began = now_ms();
        RET(dial(fd, &place));
        see("%s", now_ms() - began >= 60 ? "not early" : "EARLY");
        RET(dial(fd, &place));
        see("%s", now_ms() - began >= 120 ? "not early" : "EARLY");
        see_error(fd);
        see_events(fd, 0);
        if (tcp == 1) {
            want(FAIL(EINPROGRESS) " not early " FAIL(EALREADY) " not early so_error=0 poll=0");
            continue;
        }
        // The SYN is sent again after a second: then it succeeds in the background.
        awake(&listener);
        see_events(fd, 5000);
        RET(dial(fd, &place));
        want(FAIL(EINPROGRESS) " not early " FAIL(EALREADY) " not early so_error=0 poll=0 poll=1/out " OK(0));
    }
}

// ---- Interrupted ----

static pid_t caller;
static volatile int goes_on;

static void signalled(void *listener) {
    syscall(SYS_tgkill, getpid(), caller, SIGUSR1);
    if (goes_on) {
        for (int i = 0; i < 2000 && !signals_seen; i++) {
            pause_ms(1);
        }
        NEED(sleeps(caller, 25));
        awake(listener);
    }
}

// connect(2): EINTR, and the attempt goes on; signal(7): with SA_RESTART it is taken up again, unless there is a time of its own.
CASE(interrupted) {
    for (int tcp = 0; tcp < 2; tcp++) {
        for (int how = 0; how < 3; how++) {
            // A second until the SYN is sent again: once is enough.
            if (how == 1 && tcp == 1) {
                continue;
            }
            static const char *const names[] = {"no restart", "restart", "restart and a time"};
            struct place place;
            struct timeval minute = {60, 0};
            line("%s %s", names[how], kind_name[tcp_kinds[tcp]]);
            int fd = lone(tcp_kinds[tcp], BLOCKING), listener = silent(tcp_kinds[tcp], &place);
            if (how == 2) {
                NEED(call->setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &minute, sizeof minute) == 0);
            }
            count_signal(SIGUSR1, how > 0);
            caller = own_tid();
            goes_on = how == 1;
            when_asleep_for(25, signalled, &listener);
            RET(dial(fd, &place));
            helped();
            see("signals=%d", signals_seen);
            if (how != 1) {
                NEED(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
                RET(dial(fd, &place));
            }
            see_events(fd, 0);
            see_error(fd);
            count_signal_no_more(SIGUSR1);
            if (how == 1) {
                RET(dial(fd, &place));
                want(OK(0) " signals=1 poll=1/out so_error=0 " FAIL(EISCONN));
            } else {
                want(FAIL(EINTR) " signals=1 " FAIL(EALREADY) " poll=0 so_error=0");
            }
        }
    }
}

// shutdown(2) by another thread ends the attempt; the kernel says ECONNRESET for it (tcp_disconnect in net/ipv4/tcp.c at 6.18).
static void shut(void *fd) { NEED(call->shutdown(*(int *)fd, SHUT_RDWR) == 0); }

CASE(shut_down_while_it_waits) {
    for (int tcp = 0; tcp < 2; tcp++) {
        struct place place;
        line("%s", kind_name[tcp_kinds[tcp]]);
        int fd = lone(tcp_kinds[tcp], BLOCKING);
        silent(tcp_kinds[tcp], &place);
        when_asleep_for(25, shut, &fd);
        RET(dial(fd, &place));
        helped();
        see_error(fd);
        see_peer(fd);
        want(FAIL(ECONNRESET) " so_error=0 peer=ENOTCONN");
    }
}
