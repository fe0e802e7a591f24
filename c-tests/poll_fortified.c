// The fortified names that glibc's headers put in are the same doors: __poll_chk and __ppoll_chk expire, and still abort a
// program whose array is too small.
// Source: TRAPS: fortified names (VPP vcl, libvma #969); glibc debug/poll_chk.c.
//
// env: NETDEADLINE_READ=150ms
#include "nb_wait.h"
#include <dlfcn.h>

static int (*poll_chk)(struct pollfd *, nfds_t, int, size_t);
static int (*ppoll_chk)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);

int main(void) {
    *(void **)&poll_chk = dlsym(RTLD_DEFAULT, "__poll_chk");
    *(void **)&ppoll_chk = dlsym(RTLD_DEFAULT, "__ppoll_chk");
    if (!poll_chk || !ppoll_chk) SKIP("no fortified names in this libc");
    struct nd_pair pair = nb_pair();
    struct pollfd entry = {.fd = pair.client, .events = POLLIN};
    struct timespec at = {.tv_sec = 5};
    char byte;
    int64_t start = nd_now();
    CHECK_EQ(poll_chk(&entry, 1, 5000, sizeof entry), 1);
    CHECK_ENDED_AT(start, 150 * MS);
    CHECK_EQ(entry.revents, POLLIN);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    start = nd_now();
    CHECK_EQ(ppoll_chk(&entry, 1, &at, NULL, sizeof entry), 1);
    CHECK_ENDED_AT(start, 150 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    for (int which = 0; which < 2; which++) {
        pid_t child = MUST(fork());
        if (!child) {
            struct pollfd two[2] = {entry, entry};
            close(2);
            if (which) ppoll_chk(two, 2, &at, NULL, sizeof two[0]);
            else poll_chk(two, 2, 0, sizeof two[0]);
            _exit(0);
        }
        int status = nd_reap(child, 5 * SEC);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
    return 0;
}
