// A one-shot registration is disarmed by a synthetic event like by a real one: data that comes then is not told until the
// program re-arms; re-armed, both data and the next expiry come.
// Source: SEMANTICS "Non-blocking sockets" 4.
//
// env: NETDEADLINE_READ=200ms
#include "nb_wait.h"

int main(void) {
    static const uint32_t modes[] = {EPOLLONESHOT, EPOLLONESHOT | EPOLLET};
    for (int i = 0; i < 2; i++) {
        struct nd_pair pair = nb_pair();
        int set = nb_set();
        char byte;
        nb_add(set, pair.client, EPOLLIN | modes[i]);
        CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
        nb_send_now(pair.peer, pair.client);
        CHECK_EQ(nb_one(set, 300, NULL), 0);
        nb_mod(set, pair.client, EPOLLIN | modes[i]);
        CHECK_EQ(nb_one(set, 3000, NULL), EPOLLIN);
        CHECK_EQ(read(pair.client, &byte, 1), 1);
        CHECK_EQ(nb_one(set, 300, NULL), 0);
        int64_t start = nd_now();
        nb_mod(set, pair.client, EPOLLIN | modes[i]);
        CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
        CHECK_ENDED_AT(start, 200 * MS);
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_EQ(nb_one(set, 300, NULL), 0);
        close(set);
        nd_pair_close(&pair);
    }
    return 0;
}
