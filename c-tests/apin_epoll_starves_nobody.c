// With room for one event, or three, expired sockets and pipes that always have data are told in turns, as Linux does with those
// that are ready: neither starve the others, nor do the expired ones among themselves. (They are told once a millisecond at most.)
// Source: epoll_wait(2), NOTES: round robin.
//
// api: linked preloaded sanitized
#include "apin_wait.h"

enum { SOCKETS = 5, BUSY = 2 };

// The time for which this thread ran. It never sleeps here; by the wall's clock a busy machine may let it run for two milliseconds of
// sixty, and whoever is told once a millisecond is then told twice.
static int64_t mine(void) {
    struct timespec ran;
    MUST(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ran));
    return ran.tv_sec * 1000000000LL + ran.tv_nsec;
}

static void in_turns(int room, bool past_from_the_start) {
    struct nd_pair pairs[SOCKETS];
    int set = nb_set(), told[SOCKETS + BUSY] = {0}, busy[BUSY][2];
    struct epoll_event events[3];
    for (int i = 0; i < SOCKETS; i++) {
        pairs[i] = apin_pair((enum api_kind)(i % API_KINDS));
        if (past_from_the_start) CHECK_EQ(nd_set_deadline(pairs[i].client, 1), 0);
        nb_add(set, pairs[i].client, EPOLLIN);
    }
    for (int i = 0; i < BUSY; i++) {
        MUST(pipe2(busy[i], O_CLOEXEC));
        CHECK_EQ(nd_raw_write(busy[i][1], "x", 1), 1);
        nb_add(set, busy[i][0], EPOLLIN);
    }
    if (!past_from_the_start) {
        int64_t when = nd_now() + 10 * MS;
        for (int i = 0; i < SOCKETS; i++) CHECK_EQ(nd_set_deadline(pairs[i].client, when), 0);
        // The busy ones are told all along.
        while (nd_now() < when) CHECK(epoll_wait(set, events, room, -1) >= 1);
    }
    int waits = 0;
    for (int64_t end = mine() + 60 * MS; mine() < end || waits < 70; waits++) {
        int ready = epoll_wait(set, events, room, -1);
        CHECK(ready >= 1 && ready <= room);
        for (int i = 0; i < ready; i++) {
            int fd = nb_event_fd(&events[i]), found = -1;
            CHECK_EQ(events[i].events, EPOLLIN);
            for (int j = 0; j < SOCKETS; j++)
                if (fd == pairs[j].client) found = j;
            for (int j = 0; j < BUSY; j++)
                if (fd == busy[j][0]) found = SOCKETS + j;
            CHECK(found >= 0);
            told[found]++;
        }
    }
    // Of 60 and more that are due.
    for (int i = 0; i < SOCKETS + BUSY; i++)
        if (told[i] < 6) FAIL("room for %d: number %d was told %d times in %d waits", room, i, told[i], waits);
    for (int i = 0; i < SOCKETS; i++) api_close(&pairs[i]);
    for (int i = 0; i < BUSY; i++) {
        io_close(busy[i][0]);
        io_close(busy[i][1]);
    }
    io_close(set);
}

int main(void) {
    for (int past = 0; past < 2; past++) {
        in_turns(1, past);
        in_turns(3, past);
    }
    return 0;
}
