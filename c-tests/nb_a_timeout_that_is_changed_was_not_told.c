// A program that was told of the end of its SO_RCVTIMEO or SO_SNDTIMEO, and changes it before it asks, waits anew: what it took
// away ends nothing any more, and what it set counts from then.
// Source: chaos, seed 50006337 (hour): a read said ETIMEDOUT after SO_RCVTIMEO was set to 0.
//
// env: none
#include "nb_wait.h"

static void direction(enum nb_way way, int option, short events) {
    struct nd_pair pair = nb_full_pair();
    char byte = 'x';
    bool reads = option == SO_RCVTIMEO;
    nd_set_timeout(pair.client, option, 60 * MS);
    int64_t start = nd_now();
    if (!reads) CHECK_ERRNO(write(pair.client, &byte, 1), EAGAIN);
    struct nb_waiter waiter = nb_waiter(way, pair.client, events);
    CHECK_EQ(nb_wait(&waiter, 5000), events);
    CHECK_ENDED_AT(start, 60 * MS);

    nd_set_timeout(pair.client, option, 0);
    CHECK_QUIET(&waiter, 120);
    CHECK_ERRNO(reads ? read(pair.client, &byte, 1) : write(pair.client, &byte, 1), EAGAIN);

    nd_set_timeout(pair.client, option, 60 * MS);
    start = nd_now();
    CHECK_ERRNO(reads ? read(pair.client, &byte, 1) : write(pair.client, &byte, 1), EAGAIN);
    CHECK_EQ(nb_wait(&waiter, 5000), events);
    CHECK_ENDED_AT(start, 60 * MS);
    nd_set_timeout(pair.client, option, 90 * MS);
    start = nd_now();
    CHECK_ERRNO(reads ? read(pair.client, &byte, 1) : write(pair.client, &byte, 1), EAGAIN);
    CHECK_EQ(nb_wait(&waiter, 5000), events);
    CHECK_ENDED_AT(start, 90 * MS);
    // What is set as it was changes nothing: who does so before each call comes to the end.
    nd_set_timeout(pair.client, option, 90 * MS);
    CHECK_ERRNO(reads ? read(pair.client, &byte, 1) : write(pair.client, &byte, 1), ETIMEDOUT);
    nb_done(&waiter);
    nd_pair_close(&pair);
}

int main(void) {
    NB_EACH_WAY(way) {
        direction(way, SO_RCVTIMEO, POLLIN);
        direction(way, SO_SNDTIMEO, POLLOUT);
    }
    return 0;
}
