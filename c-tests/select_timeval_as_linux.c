// select leaves in its timeval what is left, as Linux does: nothing after its own timeout, the rest after an event or a signal.
// pselect leaves its timespec alone.
// Source: select(2), "The time structures".
//
// native: yes
// env: NETDEADLINE_READ=5s
// env: none
#include "nb_wait.h"

static void handler(int number) { (void)number; }

int main(void) {
    struct nd_pair pair = nb_pair();
    struct nd_later later;
    fd_set in;
    FD_ZERO(&in);
    FD_SET(pair.client, &in);
    struct timeval left = {.tv_usec = 150000};
    int64_t start = nd_now();
    CHECK_EQ(select(pair.client + 1, &in, NULL, NULL, &left), 0);
    CHECK_ENDED_AT(start, 150 * MS);
    CHECK_EQ(left.tv_sec, 0);
    CHECK_EQ(left.tv_usec, 0);

    left = (struct timeval){.tv_sec = 3};
    FD_SET(pair.client, &in);
    struct sigaction action = {.sa_handler = handler};
    MUST(sigaction(SIGALRM, &action, NULL));
    ualarm(100000, 0);
    CHECK_ERRNO(select(pair.client + 1, &in, NULL, NULL, &left), EINTR);
    int64_t rest = left.tv_sec * SEC + left.tv_usec * 1000;
    CHECK(rest <= 3 * SEC - 100 * MS + 10 * MS && rest > 0);

    left = (struct timeval){.tv_sec = 3};
    FD_SET(pair.client, &in);
    nd_send_later(&later, pair.peer, 100 * MS, "x", 1);
    start = nd_now();
    CHECK_EQ(select(pair.client + 1, &in, NULL, NULL, &left), 1);
    int64_t took = nd_now() - start;
    rest = left.tv_sec * SEC + left.tv_usec * 1000;
    CHECK(rest <= 3 * SEC && rest >= 3 * SEC - took - 10 * MS && rest < 3 * SEC - 50 * MS);
    nd_later_join(&later);

    struct timespec at = {.tv_nsec = 100000000};
    nd_drain(pair.client);
    CHECK_EQ(pselect(pair.client + 1, &in, NULL, NULL, &at, NULL), 0);
    CHECK_EQ(at.tv_nsec, 100000000);
    CHECK_NO_RECORDS();
    return 0;
}
