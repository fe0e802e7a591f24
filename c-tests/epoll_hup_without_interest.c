// ERR and HUP of the kernel, which nobody has to ask for, are told as ever, with deadlines armed and with interest in nothing.
// Source: epoll_ctl(2); TRAPS: errors not reported.
//
// native: yes
// env: NETDEADLINE_READ=1h NETDEADLINE_WRITE=1h
#include "nb_wait.h"

int main(void) {
    for (int interest = 0; interest < 2; interest++) {
        struct nd_pair pair = nb_pair();
        struct linger abort = {.l_onoff = 1};
        int set = nb_set();
        nb_add(set, pair.client, interest ? EPOLLRDHUP | EPOLLIN : 0);
        CHECK_EQ(nb_one(set, 50, NULL), 0);
        nd_raw(SYS_setsockopt, pair.peer, SOL_SOCKET, SO_LINGER, (long)&abort, sizeof abort, 0);
        nd_raw_close(pair.peer);
        CHECK_EQ(nb_one(set, 3000, NULL), EPOLLERR | EPOLLHUP | (interest ? EPOLLIN | EPOLLRDHUP : 0));
        CHECK_EQ(nb_so_error(pair.client), ECONNRESET);
        close(pair.client);
        close(set);
    }
    return 0;
}
