// A passed deadline in the modes of epoll: one-shot is told once, then only after MOD; interest that is lost or gained counts from
// then on; two sets that hold one socket are each told; a set within a set, and a set in poll, are ready.
// Source: SEMANTICS "Non-blocking sockets" 2 to 4; epoll(7).
//
// api: linked preloaded sanitized
#include "apin_wait.h"

static void oneshot(void) {
    struct nd_pair pair = apin_pair(API_TCP);
    int set = nb_set();
    char byte;
    nb_add(set, pair.client, EPOLLIN | EPOLLONESHOT);
    int64_t start = nd_now();
    CHECK_EQ(nd_set_read_deadline(pair.client, start + 30 * MS), 0);
    CHECK_EQ(nb_one(set, -1, NULL), EPOLLIN);
    CHECK_ENDED_AT(start, 30 * MS);
    CHECK_EQ(nb_one(set, 40, NULL), 0);
    // Disarmed means disarmed: not for a new setting, not for data.
    CHECK_EQ(nd_set_read_deadline(pair.client, 1), 0);
    CHECK_EQ(nb_one(set, 40, NULL), 0);
    apin_arrive(&pair, "a", 1);
    CHECK_EQ(nb_one(set, 40, NULL), 0);
    for (int i = 0; i < 3; i++) {
        nb_mod(set, pair.client, EPOLLIN | EPOLLONESHOT);
        CHECK_EQ(nb_one(set, -1, NULL), EPOLLIN);
        CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_EQ(nb_one(set, 10, NULL), 0);
    }
    CHECK_EQ(nd_set_read_deadline(pair.client, 0), 0);
    nb_mod(set, pair.client, EPOLLIN | EPOLLONESHOT);
    CHECK_EQ(nb_one(set, -1, NULL), EPOLLIN);
    apin_read_all(pair.client, "a", 1);
    io_close(set);
    api_close(&pair);
}

static void interest(void) {
    struct nd_pair pair = apin_full_pair(API_UNIX);
    int set = nb_set();
    CHECK_EQ(nd_set_read_deadline(pair.client, nd_now() + 10 * MS), 0);
    nb_add(set, pair.client, EPOLLOUT);
    CHECK_EQ(nb_one(set, 40, NULL), 0);
    nb_mod(set, pair.client, EPOLLOUT | EPOLLIN);
    CHECK_EQ(nb_one(set, -1, NULL), EPOLLIN);
    CHECK_EQ(nb_one(set, -1, NULL), EPOLLIN);
    nb_mod(set, pair.client, EPOLLOUT);
    CHECK_EQ(nb_one(set, 20, NULL), 0);
    nb_mod(set, pair.client, 0);
    CHECK_EQ(nb_one(set, 20, NULL), 0);
    nb_mod(set, pair.client, EPOLLIN);
    CHECK_EQ(nb_one(set, -1, NULL), EPOLLIN);
    MUST(epoll_ctl(set, EPOLL_CTL_DEL, pair.client, NULL));
    CHECK_EQ(nb_one(set, 20, NULL), 0);
    nb_add(set, pair.client, EPOLLIN);
    CHECK_EQ(nb_one(set, -1, NULL), EPOLLIN);
    io_close(set);
    api_close(&pair);
}

// The innermost set holds the socket; each wait asks the set around the one before.
static void nested(uint32_t mode) {
    struct nd_pair pair = apin_pair(API_TCP);
    int inner = nb_set(), middle = nb_set(), outer = nb_set(), whose;
    char byte;
    nb_add(inner, pair.client, EPOLLIN | mode);
    nb_add(middle, inner, EPOLLIN | mode);
    nb_add(outer, middle, EPOLLIN | mode);
    struct apin_sleeper sleepers[3];
    apin_start(&sleepers[0], NB_POLL, 1, outer, POLLIN, -1);
    apin_start(&sleepers[1], NB_SELECT, 1, middle, POLLIN, -1);
    apin_start(&sleepers[2], NB_POLL, 5, inner, POLLIN, -1);
    apin_asleep(sleepers, 3);
    int64_t when = nd_now() + 20 * MS;
    CHECK_EQ(nd_set_read_deadline(pair.client, when), 0);
    for (int i = 0; i < 3; i++) {
        apin_end(&sleepers[i]);
        CHECK_WOKEN(&sleepers[i], POLLIN, when);
    }
    CHECK_EQ(nb_one(outer, -1, &whose), EPOLLIN);
    CHECK_EQ(whose, middle);
    CHECK_EQ(nb_one(middle, -1, &whose), EPOLLIN);
    CHECK_EQ(whose, inner);
    CHECK_EQ(nb_one(inner, -1, &whose), EPOLLIN);
    CHECK_EQ(whose, pair.client);
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    io_close(inner);
    io_close(middle);
    io_close(outer);
    api_close(&pair);
}

static void two_sets(void) {
    struct nd_pair pair = apin_pair(API_TCP);
    struct apin_sleeper sleepers[3];
    int own = MUST(dup(pair.client));
    CHECK_EQ(nd_set_deadline(own, 0), 0);
    apin_start(&sleepers[0], NB_EPOLL_WAIT, 1, pair.client, POLLIN, -1);
    apin_start(&sleepers[1], NB_EPOLL_WAIT, 1, pair.client, POLLIN, -1);
    apin_start(&sleepers[2], NB_EPOLL_WAIT, 1, own, POLLIN, -1);
    apin_asleep(sleepers, 3);
    int64_t when = nd_now() + 20 * MS;
    CHECK_EQ(nd_set_read_deadline(own, when), 0);
    for (int i = 0; i < 3; i++) {
        apin_end(&sleepers[i]);
        CHECK_WOKEN(&sleepers[i], POLLIN, when);
    }
    io_close(own);
    api_close(&pair);
}

int main(void) {
    apin_say("oneshot");
    oneshot();
    apin_say("interest");
    interest();
    apin_say("nested");
    nested(0);
    nested(EPOLLET);
    apin_say("two sets");
    two_sets();
    return 0;
}
