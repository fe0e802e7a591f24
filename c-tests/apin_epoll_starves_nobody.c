// With room for one event, or three, an expired socket and one that always has data are told in turns, as Linux does with two that
// are ready: neither starves the other, nor do several expired sockets among themselves.
// Source: epoll_wait(2), NOTES: round robin.
//
// api: linked preloaded sanitized
#include "apin_wait.h"

enum { SOCKETS = 5, BUSY = 2, TURNS = 70 };

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
    for (int turn = 0; turn < TURNS; turn++) {
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
    // A tenth of what Linux gives seven that are ready; 1 would be an accident.
    for (int i = 0; i < SOCKETS + BUSY; i++)
        if (told[i] < 2) FAIL("room for %d: number %d was told %d times in %d waits", room, i, told[i], TURNS);
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
