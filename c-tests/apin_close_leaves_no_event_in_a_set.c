// A socket that is closed is gone from its epoll sets, as in Linux: its deadline, far or past, is told no more, a wait that another
// thread is in goes on for the other sockets, and the number's next owner starts without a deadline.
// Source: epoll(7), "Will closing a file descriptor cause it to be removed".
//
// api: linked preloaded sanitized
#include "apin_wait.h"

int main(void) {
    for (int round = 0; round < 8; round++) {
        struct nd_pair gone = apin_pair(API_TCP), other = apin_pair(API_UNIX);
        int set = nb_set(), whose, number = gone.client;
        bool by_name = round & 1, past = round & 2, waited_for = round & 4;
        struct apin_sleeper sleeper;
        CHECK_EQ(nd_set_deadline(gone.client, past && !waited_for ? 1 : nd_now() + 100 * MS), 0);
        nb_add(set, gone.client, EPOLLIN);
        apin_start(&sleeper, NB_EPOLL_WAIT, 1, other.client, POLLIN, -1);
        if (waited_for) {
            nb_add(sleeper.waiter.set, gone.client, EPOLLIN);
            apin_asleep(&sleeper, 1);
        }
        if (past && !waited_for) CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
        CHECK_EQ(by_name ? nd_close(gone.client) : close(gone.client), 0);
        CHECK_EQ(nb_one(set, 120, NULL), 0);
        // The number again, with another socket behind it.
        struct nd_pair next = apin_pair(API_UNIX);
        if (next.client != number) CHECK_EQ(MUST(dup2(next.client, number)), number);
        nb_add(set, number, EPOLLIN);
        CHECK_EQ(nb_one(set, 20, NULL), 0);
        int64_t when = nd_now() + 10 * MS;
        CHECK_EQ(nd_set_deadline(other.client, when), 0);
        apin_end(&sleeper);
        CHECK_WOKEN(&sleeper, POLLIN, when);
        CHECK_EQ(nd_set_deadline(number, nd_now() + 10 * MS), 0);
        CHECK_EQ(nb_one(set, 5000, &whose), EPOLLIN);
        CHECK_EQ(whose, number);
        if (next.client != number) close(number);
        close(set);
        api_close(&next);
        api_close(&other);
        nd_raw_close(gone.peer);
    }
    return 0;
}
