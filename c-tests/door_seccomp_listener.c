// A filter that asks a supervisor (SECCOMP_RET_USER_NOTIF) is installed at once, though nobody answers yet, and its listener
// goes to the program.
// Source: SEMANTICS "Sandboxes"; seccomp_unotify(2).
//
// native: yes
// env: none
// env: NETDEADLINE_READ=3s
#include "sec_seccomp.h"
#include <poll.h>

static struct nd_pair pair;
static void *asker(void *unused) {
    (void)unused;
    char name[128];
    socklen_t length = sizeof name;
    // Waits for the supervisor; the test ends without it.
    getpeername(pair.client, (struct sockaddr *)name, &length);
    FAIL("getpeername was not held back");
}

int main(void) {
    static struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpeername, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
    pair = nd_tcp_pair();
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (listener < 0) SKIP("no seccomp listener here: %s", strerror(errno));
    CHECK_EQ(nd_raw_write(pair.peer, "a", 1), 1);
    CHECK_EQ(nd_raw_write(pair.peer, "b", 1), 1);
    sec_daily_work(pair.client, 2);
    // The listener is the program's, and hears of the call.
    nd_start(asker, NULL);
    struct pollfd one = {.fd = (int)listener, .events = POLLIN};
    CHECK_EQ(nd_raw(SYS_poll, (long)&one, 1, 5000, 0, 0, 0), 1);
    _exit(0);
}
