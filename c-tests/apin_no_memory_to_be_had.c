// Where the process may map no page more, a call works or says ENOMEM, and what was set before goes on to hold: never a crash, and
// never a deadline that is reported as set and is not there.
// Source: include/netdeadline.h, "ENOMEM"; issue, 3.
//
// api: linked preloaded dlopened
#include "apin_wait.h"
#include <sys/mman.h>
#include <sys/resource.h>

static void exhaust(void) {
    struct rlimit none = {0, 0};
    MUST(setrlimit(RLIMIT_AS, &none));
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
}
static void in_a_child(bool used_before) {
    struct nd_pair known = apin_pair(API_TCP), pairs[8];
    char byte;
    for (int i = 0; i < 8; i++) {
        pairs[i] = apin_pair((enum api_kind)(i % API_KINDS));
        // Far from one another, so that each would need a part of the table of its own.
        if (i >= 4) pairs[i].client = MUST(dup2(pairs[i].client, 1000 * i));
    }
    if (used_before) CHECK_EQ(nd_set_deadline(known.client, nd_now() + 60 * SEC), 0);
    exhaust();
    for (int i = 0; i < 8; i++) {
        int fd = pairs[i].client;
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        struct nd_timeouts timeouts = {.read = 60 * SEC};
        struct nd_expiry why;
        int64_t when = nd_now() + 5 * MS;
        errno = 0;
        int failed = nd_set_deadline(fd, when);
        if (failed) {
            CHECK_EQ(errno, ENOMEM);
            fprintf(stderr, "%d: ENOMEM\n", fd);
            CHECK_ERRNO(io_read(fd, &byte, 1), EAGAIN);
            CHECK_EQ(io_poll(&entry, 1, 10), 0);
        } else {
            CHECK_EQ(io_poll(&entry, 1, -1), 1);
            CHECK_JUST_AFTER(when);
            CHECK_ERRNO(io_read(fd, &byte, 1), ETIMEDOUT);
            CHECK_EQ(nd_set_deadline(fd, 0), 0);
        }
        if (nd_set_timeouts(fd, &timeouts)) CHECK_EQ(errno, ENOMEM);
        if (nd_last_expiry(fd, &why)) CHECK(errno == ENODATA || errno == ENOMEM);
        apin_arrive(&pairs[i], "a", 1);
        CHECK_EQ(io_read(fd, &byte, 1), 1);
    }
    errno = 0;
    int64_t token = nd_scope_enter(nd_now() + 5 * MS);
    if (token < 0) {
        CHECK_EQ(errno, ENOMEM);
    } else {
        struct pollfd entry = {.fd = pairs[0].client, .events = POLLIN};
        CHECK_EQ(io_poll(&entry, 1, 20000), 1);
        CHECK_ERRNO(io_read(pairs[0].client, &byte, 1), ETIMEDOUT);
        CHECK_EQ(nd_scope_leave(token), 0);
    }
    if (used_before) {
        struct pollfd entry = {.fd = known.client, .events = POLLIN};
        int64_t when = nd_now() + 5 * MS;
        CHECK_EQ(nd_set_deadline(known.client, when), 0);
        CHECK_EQ(io_poll(&entry, 1, -1), 1);
        CHECK_JUST_AFTER(when);
        CHECK_ERRNO(io_read(known.client, &byte, 1), ETIMEDOUT);
    }
    _exit(0);
}

int main(void) {
    for (int used_before = 0; used_before < 2; used_before++) {
        pid_t child = fork();
        if (!child) in_a_child(used_before);
        CHECK_CHILD_OK(child, 15 * SEC);
    }
    return 0;
}
