// NETDEADLINE_MODE=observe is about the operator's rules: it cuts nothing short for them, and the program's own
// deadlines hold.
// Source: SEMANTICS "Policy text", NETDEADLINE_MODE; "Sources".
//
// api: yes
// env: NETDEADLINE_MODE=observe
// env: NETDEADLINE_MODE=observe NETDEADLINE_READ=80ms NETDEADLINE_CONNECT=80ms NETDEADLINE_WRITE=80ms
#include "api.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) {
        struct nd_pair pair = api_pair(kind);
        struct nd_later later;
        struct nd_expiry why;
        char byte;
        int64_t when = nd_now() + 150 * MS;
        CHECK_EQ(nd_set_deadline(pair.client, when), 0);
        CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_JUST_AFTER(when);
        CHECK_EQ(nd_raw_write(pair.peer, "d", 1), 1);
        CHECK_PAST(io_read(pair.client, &byte, 1));
        CHECK_PAST(io_write(pair.client, "w", 1));
        CHECK_EQ(nd_last_expiry(pair.client, &why), 0);
        CHECK_EQ(why.source, ND_SOURCE_DEADLINE);
        CHECK_EQ(nd_set_deadline(pair.client, 0), 0);
        CHECK_EQ(io_read(pair.client, &byte, 1), 1);
        // The rule is only observed.
        nd_send_later(&later, pair.peer, 250 * MS, "d", 1);
        CHECK_EQ(io_read(pair.client, &byte, 1), 1);
        nd_later_join(&later);
        api_close(&pair);
    }
    int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    int64_t when = nd_now() + 200 * MS;
    CHECK_EQ(nd_set_write_deadline(fd, when), 0);
    CHECK_ERRNO(io_connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), ETIMEDOUT);
    CHECK_JUST_AFTER(when);
    CHECK_EQ(nd_set_write_deadline(fd, 0), 0);

    struct nd_pair full = api_full_pair(API_TCP);
    when = nd_now() + 150 * MS;
    CHECK_EQ(nd_set_timeouts(full.client, &(struct nd_timeouts){.write = 150 * MS}), 0);
    CHECK_ERRNO(io_write(full.client, "w", 1), ETIMEDOUT);
    CHECK_JUST_AFTER(when);
    return 0;
}
