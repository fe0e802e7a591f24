// An edge-triggered registration whose write deadline (nd_set_write_deadline) has passed, and whose read clock (a rule) expires as well:
// each is told as if it were alone, the deadline once, the expiry four times at most. Neither makes the other new again, so the program's
// other sockets have their turn, and no wait returns for nothing.
// Source: include/netdeadline.h; SEMANTICS "Non-blocking sockets" 8; found by tests/chaos (an event starved for five seconds).
//
// env: NETDEADLINE_READ=100ms
// api: preloaded linked
#include "apin_wait.h"

int main(void) {
    struct nd_pair pair = apin_pair(API_TCP), busy = apin_pair(API_TCP);
    int set = nb_set(), told = 0, others = 0;
    nb_add(set, pair.client, EPOLLIN | EPOLLOUT | EPOLLET);
    CHECK_EQ(nd_set_write_deadline(pair.client, 1), 0);
    apin_arrive(&busy, "x", 1);
    nb_add(set, busy.client, EPOLLIN);
    for (int64_t end = nd_now() + 1 * SEC; nd_now() < end;) {
        struct epoll_event event;
        // Room for one: whoever is told again and again leaves none to the other.
        int n = MUST(epoll_wait(set, &event, 1, 20));
        if (n == 0) continue;
        if (nb_event_fd(&event) == busy.client) {
            others++;
            nd_sleep(5 * MS);
        } else {
            told++;
        }
    }
    fprintf(stderr, "told %d times, the other %d\n", told, others);
    // The kernel's own edge (room), the deadline, four of the expiry, and one for each that came together with a change.
    CHECK(told >= 2 && told <= 12);
    CHECK(others >= 20);
    api_close(&pair);
    api_close(&busy);
    return 0;
}
