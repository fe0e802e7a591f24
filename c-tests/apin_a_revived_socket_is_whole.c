// After a passed deadline was cleared, or moved into the future, the socket is not reported any more while it has nothing, and what
// came before, during and after the expiry is read whole and in order; a write has its room again.
// Source: FACTS "Go's deadline contract": data intact after revival.
//
// api: yes
#include "apin_wait.h"

static void revive(enum nb_way way, enum api_kind kind, bool future) {
    struct nd_pair pair = apin_pair(kind);
    struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN), room = nb_waiter(way, pair.client, POLLOUT);
    char bytes[8];
    // With nothing there.
    CHECK_EQ(nd_set_deadline(pair.client, nd_now() + 10 * MS), 0);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
    CHECK_ERRNO(io_read(pair.client, bytes, 1), ETIMEDOUT);
    CHECK_EQ(nd_set_deadline(pair.client, future ? nd_now() + 60 * SEC : 0), 0);
    CHECK_QUIET(&waiter, 20);
    CHECK_ERRNO(io_read(pair.client, bytes, 1), EAGAIN);
    CHECK_EQ(nb_wait(&room, 5000), POLLOUT);
    CHECK_EQ(io_write(pair.client, "out", 3), 3);
    // With data before, during and after it.
    apin_arrive(&pair, "before", 6);
    CHECK_EQ(nd_set_deadline(pair.client, nd_now() + 5 * MS), 0);
    nd_sleep(6 * MS);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
    CHECK_ERRNO(io_read(pair.client, bytes, 1), ETIMEDOUT);
    CHECK_ERRNO(io_write(pair.client, "lost", 4), ETIMEDOUT);
    apin_arrive(&pair, "during", 6);
    CHECK_ERRNO(io_recv(pair.client, bytes, 1, MSG_PEEK), ETIMEDOUT);
    CHECK_EQ(nd_set_deadline(pair.client, future ? INT64_MAX : 0), 0);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
    if (kind == API_UDP) {
        CHECK_EQ(io_read(pair.client, bytes, sizeof bytes), 6);
        CHECK(!memcmp(bytes, "before", 6));
        apin_read_all(pair.client, "during", 6);
    } else {
        apin_arrive(&pair, "after", 5);
        apin_read_all(pair.client, "beforeduringafter", 17);
    }
    // The peer got what was written while there was no deadline in the past, and nothing else.
    CHECK_EQ(nd_raw(SYS_recvfrom, pair.peer, (long)bytes, sizeof bytes, MSG_DONTWAIT, 0, 0), 3);
    CHECK_EQ(nd_raw(SYS_recvfrom, pair.peer, (long)bytes, sizeof bytes, MSG_DONTWAIT, 0, 0), -EAGAIN);
    CHECK_QUIET(&waiter, 5);
    nb_done(&waiter);
    nb_done(&room);
    api_close(&pair);
}

int main(void) {
    APIN_EACH_KIND(kind) APIN_EACH_WAY(way) {
        revive(way, kind, false);
        revive(way, kind, true);
    }
    return 0;
}
