// What the program itself said through the C API is counted apart: a deadline and a scope that ended a wait, once each, with the wait;
// a deadline that was past before is no wait. Timeouts of the program's own count in their class.
// Source: src/engine/evidence/page.rs (Own); include/netdeadline.h.
//
// api: linked preloaded
#include "api.h"
#include "stats_page.h"

static struct nd_pair pair;

static const struct st_destination *place(void) { return st_to(st_own_page(), &pair.at); }
static void check(uint64_t explicit, uint64_t scope, uint64_t waits) {
    CHECK_EQ(place()->own[ST_EXPLICIT], explicit);
    CHECK_EQ(place()->own[ST_SCOPE], scope);
    CHECK_WAITS(place(), ST_READ, .ended = waits, .expired = waits);
    CHECK_GAUGES(place(), 1, 0, 0);
}

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    char byte;
    pair = nd_tcp_pair();

    CHECK_EQ(nd_set_read_deadline(pair.client, nd_now() + 80 * MS), 0);
    int64_t start = nd_test_now();
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    check(1, 0, 1);
    CHECK((int64_t)place()->classes[ST_READ].longest <= nd_test_now() - start);
    // It stays passed; it is the same expiry.
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    check(1, 0, 1);
    CHECK_EQ(nd_set_read_deadline(pair.client, nd_now() - 1), 0);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    check(2, 0, 1);
    CHECK_EQ(st_own_page()->last[0].cause, 16 + ST_EXPLICIT);
    CHECK_EQ(nd_set_read_deadline(pair.client, 0), 0);

    int64_t token = nd_scope_enter(nd_now() + 80 * MS);
    CHECK(token >= 0);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_EQ(nd_scope_leave(token), 0);
    check(2, 1, 2);
    CHECK_EQ(st_own_page()->last[2].cause, 16 + ST_SCOPE);

    struct nd_timeouts timeouts = {.read = 80 * MS};
    CHECK_EQ(nd_set_timeouts(pair.client, &timeouts), 0);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    check(2, 1, 3);
    CHECK_EQ(st_own_page()->last[3].cause, 8 + ST_READ);
    CHECK_EQ(st_own_page()->last[3].timeout, 80 * MS);
    CHECK_EQ(st_own_page()->expiries, 4);
    nd_pair_close(&pair);
    CHECK_GAUGES(place(), 0, 0, 0);
    CHECK_WAITS(place(), ST_LIFETIME, .ended = 1);
    return 0;
}
