// An edge-triggered registration stays one after an expiry: one event per arrival of data, none repeated for data that is left
// lying; nothing for the end of an expiry that was read.
// Source: TRAPS: EPOLLET lost after MOD, EPOLLOUT reported twice (libvma, Onload bug65144).
//
// env: NETDEADLINE_READ=300ms
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set();
    char byte;
    nb_add(set, pair.client, EPOLLIN | EPOLLET);
    CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_EQ(nb_one(set, 100, NULL), 0);
    nb_send_now(pair.peer, pair.client);
    CHECK_EQ(nb_one(set, 3000, NULL), EPOLLIN);
    CHECK_EQ(nb_one(set, 600, NULL), 0);
    nb_send_now(pair.peer, pair.client);
    CHECK_EQ(nb_one(set, 3000, NULL), EPOLLIN);
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    CHECK_RECORDS("read", 1);
    nb_mod(set, pair.client, EPOLLIN | EPOLLOUT | EPOLLET);
    CHECK_EQ(nb_one(set, 3000, NULL), EPOLLOUT);
    CHECK_EQ(nb_one(set, 100, NULL), 0);
    return 0;
}
