// `to *` and the shorthands leave unix sockets alone (a session bus may be silent for days); a rule that names the path does not.
// Source: SEMANTICS "Classes".
//
// env: NETDEADLINE_READ=150ms NETDEADLINE_LIFETIME=150ms NETDEADLINE_RULES="to * read=150ms response=150ms"
// env: NETDEADLINE_RULES="to unix:*/other.sock read=150ms"
// env: NETDEADLINE_RULES="to unix:*bounded.sock read=150ms" BOUNDED=1
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        char byte;
        struct nd_pair pair = nd_unix_pair("./bounded.sock");
        nd_nonblocking(pair.client);
        CHECK_EQ(write(pair.client, "q", 1), 1);
        int64_t start = nd_now();
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        if (getenv("BOUNDED")) {
            CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
            CHECK_ENDED_AT(start, 150 * MS);
            CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        } else {
            CHECK_QUIET(&waiter, 250);
            CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
        }
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    if (!getenv("BOUNDED")) CHECK_NO_RECORDS();
    return 0;
}
