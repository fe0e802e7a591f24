// Where the process may open no descriptor more, deadlines hold in calls and waits all the same; one that is moved while others
// wait is noticed a little later (20 ms), never early.
// Source: include/netdeadline.h; SEMANTICS "Non-blocking sockets" 2: else clamp alone.
//
// api: yes
#include "apin_wait.h"
#include <sys/resource.h>

static void take_them_all(int from) {
    struct rlimit limit = {.rlim_cur = (rlim_t)from + 1, .rlim_max = (rlim_t)from + 1};
    for (int fd = 3; fd <= from; fd++)
        if (fcntl(fd, F_GETFD) < 0) MUST(dup2(0, fd));
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    CHECK_ERRNO(dup(0), EMFILE);
}
static void in_a_child(bool used_before) {
    struct apin_sleeper sleepers[APIN_MAX_WAITS];
    struct nd_pair pairs[APIN_MAX_WAITS], own = apin_pair(API_TCP), blocking = api_pair(API_TCP);
    char byte;
    apin_make_idle();
    // Sets are made while there are numbers.
    for (size_t i = 0; i < APIN_WAITS; i++) {
        pairs[i] = apin_pair((enum api_kind)(i % API_KINDS));
        apin_prepare(&sleepers[i], apin_waits[i].way, apin_waits[i].count, pairs[i].client, POLLIN, -1);
    }
    struct nb_waiter waiter = nb_waiter(API_INTERPOSED ? NB_EPOLL_WAIT : NB_POLL, own.client, POLLIN);
    if (used_before) CHECK_EQ(nd_set_deadline(own.client, nd_now() + 60 * SEC), 0);
    int last = MUST(dup(0));
    nd_raw_close(last);
    take_them_all(last + 40);
    // By a deadline that is there from the start.
    int64_t when = nd_now() + 20 * MS;
    CHECK_EQ(nd_set_deadline(own.client, when), 0);
    CHECK_EQ(nb_wait(&waiter, -1), POLLIN);
    CHECK_JUST_AFTER(when);
    CHECK_ERRNO(io_read(own.client, &byte, 1), ETIMEDOUT);
    when = nd_now() + 20 * MS;
    CHECK_EQ(nd_set_deadline(blocking.client, when), 0);
    CHECK_ERRNO(io_read(blocking.client, &byte, 1), ETIMEDOUT);
    CHECK_JUST_AFTER(when);
    // Moved under who waits.
    CHECK_EQ(nd_set_deadline(blocking.client, nd_now() + 60 * SEC), 0);
    struct api_op op;
    // Whether it sleeps cannot be asked: that takes a descriptor.
    api_start(&op, &api_read_calls[0], blocking.client);
    for (size_t i = 0; i < APIN_WAITS; i++) {
        CHECK_EQ(nd_set_deadline(pairs[i].client, nd_now() + 60 * SEC), 0);
        apin_launch(&sleepers[i]);
    }
    nd_sleep(30 * MS);
    CHECK_ERRNO(dup(0), EMFILE);
    when = nd_now() + 20 * MS;
    CHECK_EQ(nd_set_deadline(blocking.client, when), 0);
    for (size_t i = 0; i < APIN_WAITS; i++) CHECK_EQ(nd_set_deadline(pairs[i].client, when), 0);
    CHECK_OP_EXPIRED(&op, when);
    for (size_t i = 0; i < APIN_WAITS; i++) {
        apin_end(&sleepers[i]);
        CHECK_WOKEN(&sleepers[i], POLLIN, when);
        CHECK_ERRNO(io_read(pairs[i].client, &byte, 1), ETIMEDOUT);
    }
    int64_t token = nd_scope_enter(nd_now() + 20 * MS);
    CHECK(token >= 0);
    CHECK_EQ(nd_set_deadline(blocking.client, 0), 0);
    CHECK_ERRNO(io_read(blocking.client, &byte, 1), ETIMEDOUT);
    CHECK_EQ(nd_scope_leave(token), 0);
    _exit(0);
}

int main(void) {
    for (int used_before = 0; used_before < 2; used_before++) {
        pid_t child = fork();
        if (!child) in_a_child(used_before);
        CHECK_CHILD_OK(child, 20 * SEC);
    }
    return 0;
}
