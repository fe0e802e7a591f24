// A unix socket has no acknowledgements: what was accepted was delivered, and a wait for its answer is not bounded by class
// write.
// Source: SEMANTICS "Classes", write: "sent bytes stay unacknowledged".
//
// env: NETDEADLINE_RULES="to unix:* write=300ms" HOW=read
// env: NETDEADLINE_RULES="to unix:* write=300ms" HOW=poll
// env: NETDEADLINE_RULES="to unix:* write=300ms" HOW=epoll
// cap: 12
#include "nb_wait.h"

int main(void) {
    const char *how = getenv("HOW");
    struct nd_pair pair = nd_unix_pair("./s");
    struct nd_later later;
    char byte;
    CHECK_EQ(write(pair.client, "?", 1), 1);
    CHECK_EQ(nd_raw_read(pair.peer, &byte, 1), 1);
    nd_send_later(&later, pair.peer, 900 * MS, "!", 1);
    if (!strcmp(how, "poll")) {
        struct pollfd entry = {.fd = pair.client, .events = POLLIN};
        CHECK_EQ(poll(&entry, 1, 5000), 1);
    } else if (!strcmp(how, "epoll")) {
        int set = nb_set();
        nb_add(set, pair.client, EPOLLIN);
        CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
    }
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    CHECK_NO_RECORDS();
    nd_later_join(&later);
    return 0;
}
