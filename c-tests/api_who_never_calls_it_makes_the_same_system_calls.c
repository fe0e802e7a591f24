// A program that has the library and never makes an nd_ call makes the system calls that its source says, in their
// order, and no other: strace sees the same workload once through libc's names and once as bare system calls.
// Source: the README's promise to who does not use it; SEMANTICS "Sources" (movable waits begin with the first nd_
// call).
//
// api: yes
// log: no
#include "api.h"
#include <sys/epoll.h>

// Sockets are opened beforehand, so that the numbers are the same in both passes.
static struct nd_pair pair;
static int listener, set;
static struct sockaddr_in at;
// What marks the beginning and the end, with a pid that is nobody's.
static void mark(int which) { nd_raw(SYS_getpgid, 7654321 + which, 0, 0, 0, 0, 0); }
static void *peer_speaks(void *unused) {
    for (int i = 0; i < 6; i++) {
        nd_sleep(40 * MS);
        nd_raw_write(pair.peer, "d", 1);
    }
    return unused;
}

// Each names its call, so that both passes make the same one.
static void plain(void) {
    char byte = 'w';
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct pollfd entry = {.fd = pair.client, .events = POLLIN};
    struct epoll_event event;
    CHECK_EQ(write(pair.client, &byte, 1), 1);
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    CHECK_EQ(recvfrom(pair.client, &byte, 1, 0, NULL, NULL), 1);
    CHECK_EQ(recvmsg(pair.client, &message, 0), 1);
    CHECK_EQ(poll(&entry, 1, -1), 1);
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    CHECK_EQ(epoll_wait(set, &event, 1, -1), 1);
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    CHECK_EQ(epoll_wait(set, &event, 1, 20), 0);
    CHECK_EQ(readv(pair.client, &part, 1), 1);
    CHECK_EQ(sendto(pair.client, &byte, 1, MSG_NOSIGNAL, NULL, 0), 1);
    CHECK_EQ(sendmsg(pair.client, &message, MSG_NOSIGNAL), 1);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    int served = accept4(listener, NULL, NULL, 0);
    close(served);
    close(fd);
}
static void bare(void) {
    char byte = 'w';
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct pollfd entry = {.fd = pair.client, .events = POLLIN};
    struct epoll_event event;
    nd_raw(SYS_write, pair.client, (long)&byte, 1, 0, 0, 0);
    nd_raw(SYS_read, pair.client, (long)&byte, 1, 0, 0, 0);
    nd_raw(SYS_recvfrom, pair.client, (long)&byte, 1, 0, 0, 0);
    nd_raw(SYS_recvmsg, pair.client, (long)&message, 0, 0, 0, 0);
    nd_raw(SYS_poll, (long)&entry, 1, -1, 0, 0, 0);
    nd_raw(SYS_read, pair.client, (long)&byte, 1, 0, 0, 0);
    nd_raw(SYS_epoll_wait, set, (long)&event, 1, -1, 0, 0);
    nd_raw(SYS_read, pair.client, (long)&byte, 1, 0, 0, 0);
    nd_raw(SYS_epoll_wait, set, (long)&event, 1, 20, 0, 0);
    nd_raw(SYS_readv, pair.client, (long)&part, 1, 0, 0, 0);
    nd_raw(SYS_sendto, pair.client, (long)&byte, 1, MSG_NOSIGNAL, 0, 0);
    nd_raw(SYS_sendmsg, pair.client, (long)&message, MSG_NOSIGNAL, 0, 0, 0);
    long fd = nd_raw(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0);
    nd_raw(SYS_connect, fd, (long)&at, sizeof at, 0, 0, 0);
    long served = nd_raw(SYS_accept4, listener, 0, 0, 0, 0, 0);
    nd_raw(SYS_close, served, 0, 0, 0, 0, 0);
    nd_raw(SYS_close, fd, 0, 0, 0, 0, 0);
}
static int workload(void) {
    struct epoll_event event = {.events = EPOLLIN};
    void (*const passes[])(void) = {bare, plain, bare, plain};
    pair = nd_tcp_pair();
    listener = nd_listener(8, &at);
    set = MUST(epoll_create1(EPOLL_CLOEXEC));
    MUST(epoll_ctl(set, EPOLL_CTL_ADD, pair.client, &event));
    for (int i = 0; i < 4; i++) {
        struct nd_thread peer = nd_start(peer_speaks, NULL);
        nd_sleep(10 * MS);
        mark(i);
        passes[i]();
        mark(9);
        nd_join(peer, 10 * SEC);
    }
    return 0;
}

// The names of the system calls between the marks of a pass, as strace wrote them.
static void names(const char *path, int pass, char *into, size_t room) {
    FILE *file = fopen(path, "re");
    char line[4096], begin[32];
    bool on = false;
    CHECK(file != NULL);
    snprintf(begin, sizeof begin, "getpgid(%d)", 7654321 + pass);
    into[0] = 0;
    while (fgets(line, sizeof line, file)) {
        if (!strncmp(line, begin, strlen(begin))) on = true;
        else if (!strncmp(line, "getpgid(7654330)", 16)) on = false;
        else if (on && line[0] != '-' && line[0] != '+') {
            line[strcspn(line, "(")] = 0;
            snprintf(into + strlen(into), room - strlen(into), "%s ", line);
        }
    }
    fclose(file);
}

int main(int argc, char **argv) {
    char passes[4][4096], self[4096] = "";
    (void)argv;
    if (argc > 1) return workload();
    MUST(readlink("/proc/self/exe", self, sizeof self - 1));
    if (access("/usr/bin/strace", X_OK)) SKIP("no strace");
    pid_t child = MUST(fork());
    if (!child) {
        // Without -f: the peer's thread is not looked at.
        setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
        execl("/usr/bin/strace", "strace", "-o", "trace", self, "workload", (char *)NULL);
        _exit(126);
    }
    int status = nd_reap(child, 40 * SEC);
    if (status) FAIL("strace or the workload ended with wait status 0x%x", (unsigned)status);
    for (int i = 0; i < 4; i++) {
        names("trace", i, passes[i], sizeof passes[i]);
        if (!strstr(passes[i], "epoll_wait") || !strstr(passes[i], "sendmsg")) FAIL("pass %d was not seen: %s", i, passes[i]);
        if (strcmp(passes[i], passes[0])) FAIL("pass %d made\n%s\nand the bare one\n%s", i, passes[i], passes[0]);
    }
    return 0;
}
