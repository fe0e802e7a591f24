// 0 is no deadline; the present, 1 and everything negative have passed; the far future never comes and does not
// overflow. What was set comes back.
// Source: FACTS "Go's deadline contract" (zero, now, huge); include/netdeadline.h, nd_set_read_deadline;
// nd_set_deadline(3).
//
// api: yes
#include "api.h"

// 36 years: what is later than that is for ever.
#define FOR_EVER (INT64_C(1) << 60)

static void past(int fd, int64_t when) {
    int64_t reads, writes;
    char byte;
    CHECK_EQ(nd_set_deadline(fd, when), 0);
    CHECK_EQ(nd_get_deadlines(fd, &reads, &writes), 0);
    CHECK_EQ(reads, when);
    CHECK_EQ(writes, when);
    CHECK_PAST(io_read(fd, &byte, 1));
    CHECK_PAST(io_write(fd, "w", 1));
}
// Waits for what comes 60 ms from now.
static void future(struct nd_pair *pair, int64_t when) {
    int64_t reads, writes, start = nd_now();
    struct nd_later later;
    char byte;
    CHECK_EQ(nd_set_deadline(pair->client, when), 0);
    CHECK_EQ(nd_get_deadlines(pair->client, &reads, &writes), 0);
    CHECK_EQ(reads, when);
    CHECK_EQ(writes, when);
    nd_send_later(&later, pair->peer, 60 * MS, "d", 1);
    CHECK_EQ(io_read(pair->client, &byte, 1), 1);
    CHECK(nd_now() - start >= 60 * MS);
    struct pollfd entry = {.fd = pair->client, .events = POLLIN};
    CHECK_EQ(io_poll(&entry, 1, 20), 0);
    CHECK_EQ(io_write(pair->client, "w", 1), 1);
    CHECK_EQ(nd_raw_read(pair->peer, &byte, 1), 1);
    nd_later_join(&later);
}

int main(void) {
    static const int64_t far[] = {INT64_MAX,    INT64_MAX - 1, INT64_MAX / 2,    INT64_MAX / 1000,
                                  FOR_EVER + 1, FOR_EVER,      FOR_EVER - 1, 0};
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) {
        struct nd_pair pair = api_pair(kind);
        int64_t now = nd_now();
        past(pair.client, now);
        past(pair.client, 1);
        past(pair.client, -1);
        past(pair.client, INT64_MIN);
        past(pair.client, -INT64_MAX);
        for (size_t i = 0; i < sizeof far / sizeof *far; i++) future(&pair, far[i]);
        // As far from now as can be said.
        future(&pair, INT64_MAX - nd_now());
        api_close(&pair);
    }
    return 0;
}
