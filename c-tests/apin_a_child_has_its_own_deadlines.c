// After fork the child's sockets have the deadlines they had, all calls work there, and what the child sets acts on its own waits,
// those of its threads included; the parent's waits go on undisturbed.
// Source: SEMANTICS "fds and processes": after fork the child keeps the deadlines and makes its own timerfds.
//
// api: yes
#include "apin_wait.h"

static void child(enum nb_way way, struct nd_pair *pair, int64_t when) {
    struct nb_waiter waiter = nb_waiter(way, pair->client, POLLIN);
    struct apin_sleeper sleeper;
    struct nd_expiry why;
    struct nd_timeouts timeouts = {.read = 60 * SEC};
    int64_t reads;
    char byte;
    CHECK_EQ(nd_get_deadlines(pair->client, &reads, NULL), 0);
    CHECK_EQ(reads, when);
    CHECK_EQ(nb_wait(&waiter, -1), POLLIN);
    CHECK_JUST_AFTER(when);
    CHECK_ERRNO(io_read(pair->client, &byte, 1), ETIMEDOUT);
    CHECK_EQ(nd_last_expiry(pair->client, &why), 0);
    CHECK_EQ(why.source, ND_SOURCE_DEADLINE);
    CHECK_EQ(nd_set_deadline(pair->client, nd_now() + 60 * SEC), 0);
    CHECK_EQ(nd_set_timeouts(pair->client, &timeouts), 0);
    CHECK_EQ(nd_get_timeouts(pair->client, &timeouts), 0);
    CHECK_EQ(timeouts.read, 60 * SEC);
    CHECK_QUIET(&waiter, 5);
    apin_start(&sleeper, way, 1, pair->client, POLLIN, -1);
    apin_asleep(&sleeper, 1);
    when = nd_now() + 5 * MS;
    CHECK_EQ(nd_set_deadline(pair->client, when), 0);
    apin_end(&sleeper);
    CHECK_WOKEN(&sleeper, POLLIN, when);
    int64_t token = nd_scope_enter(nd_now() + 60 * SEC);
    CHECK(token >= 0);
    CHECK_EQ(nd_scope_leave(token), 0);
    // New sockets, too.
    struct nd_pair new = apin_pair(API_TCP);
    CHECK_EQ(nd_set_deadline(new.client, nd_now() + 5 * MS), 0);
    struct nb_waiter other = nb_waiter(way, new.client, POLLIN);
    CHECK_EQ(nb_wait(&other, -1), POLLIN);
    CHECK_ERRNO(io_read(new.client, &byte, 1), ETIMEDOUT);
    CHECK_EQ(nd_close(new.client), 0);
    CHECK_EQ(nd_close(pair->client), 0);
}

int main(void) {
    APIN_EACH_WAY(way) {
        struct nd_pair pair = apin_pair(API_TCP), mine = apin_pair(API_UNIX);
        struct apin_sleeper sleeper;
        CHECK_EQ(nd_set_deadline(mine.client, nd_now() + 60 * SEC), 0);
        apin_start(&sleeper, way, 1, mine.client, POLLIN, -1);
        apin_asleep(&sleeper, 1);
        int64_t when = nd_now() + 30 * MS;
        CHECK_EQ(nd_set_deadline(pair.client, when), 0);
        pid_t first = fork();
        if (!first) {
            // A child of the child: another fork of all that.
            pid_t second = fork();
            if (!second) {
                child(way, &pair, when);
                _exit(0);
            }
            CHECK_CHILD_OK(second, 15 * SEC);
            child(way, &pair, when);
            CHECK_EQ(nd_set_deadline(mine.client, 1), 0);
            _exit(0);
        }
        CHECK_CHILD_OK(first, 30 * SEC);
        CHECK_EQ(pthread_tryjoin_np(sleeper.thread.id, NULL), EBUSY);
        when = nd_now() + 5 * MS;
        CHECK_EQ(nd_set_deadline(mine.client, when), 0);
        apin_end(&sleeper);
        CHECK_WOKEN(&sleeper, POLLIN, when);
        api_close(&pair);
        api_close(&mine);
    }
    return 0;
}
