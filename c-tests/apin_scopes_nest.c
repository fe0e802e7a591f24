// Scopes nest and the earliest instant holds: an inner scope can only shorten what is left, one of 0 changes nothing, and leaving
// an inner one restores what was before. The next scope on the same thread starts afresh. A deadline of the socket holds beside
// them, and nd_last_expiry says which of them it was.
// Source: include/netdeadline.h, nd_scope_enter; issue, 1.
//
// api: yes
#include "apin_wait.h"

static struct nd_pair pair;
static struct nb_waiter waiter;

static void ends_at(int64_t when, uint32_t source) {
    struct nd_expiry why;
    char byte;
    CHECK_EQ(nb_wait(&waiter, -1), POLLIN);
    CHECK_JUST_AFTER(when);
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_EQ(nd_last_expiry(pair.client, &why), 0);
    CHECK_EQ(why.source, source);
    CHECK_EQ(why.which, ND_READ);
}

int main(void) {
    APIN_EACH_WAY(way) {
        pair = apin_pair(API_TCP);
        waiter = nb_waiter(way, pair.client, POLLIN);
        int64_t now = nd_now(), outer = nd_scope_enter(now + 60 * SEC), inner = nd_scope_enter(now + 10 * MS);
        CHECK(outer >= 0 && inner >= 0 && outer != inner);
        ends_at(now + 10 * MS, ND_SOURCE_SCOPE);
        int64_t none = nd_scope_enter(0), far = nd_scope_enter(INT64_MAX);
        CHECK(none >= 0 && far >= 0);
        ends_at(now + 10 * MS, ND_SOURCE_SCOPE);
        CHECK_EQ(nd_scope_leave(far), 0);
        CHECK_EQ(nd_scope_leave(none), 0);
        CHECK_EQ(nd_scope_leave(inner), 0);
        CHECK_QUIET(&waiter, 5);
        CHECK_EQ(nd_scope_leave(outer), 0);
        // The outer one is earlier.
        now = nd_now();
        outer = nd_scope_enter(now + 10 * MS);
        inner = nd_scope_enter(now + 60 * SEC);
        ends_at(now + 10 * MS, ND_SOURCE_SCOPE);
        CHECK_EQ(nd_scope_leave(inner), 0);
        ends_at(now + 10 * MS, ND_SOURCE_SCOPE);
        CHECK_EQ(nd_scope_leave(outer), 0);
        CHECK_QUIET(&waiter, 5);
        // No bound at all.
        outer = nd_scope_enter(0);
        CHECK_QUIET(&waiter, 5);
        inner = nd_scope_enter(INT64_MAX);
        CHECK_QUIET(&waiter, 5);
        CHECK_EQ(nd_scope_leave(inner), 0);
        CHECK_EQ(nd_scope_leave(outer), 0);
        // A past one, also before time began.
        outer = nd_scope_enter(INT64_MIN);
        ends_at(now, ND_SOURCE_SCOPE);
        CHECK_EQ(nd_scope_leave(outer), 0);
        // Beside a deadline, earlier and later.
        now = nd_now();
        CHECK_EQ(nd_set_read_deadline(pair.client, now + 10 * MS), 0);
        outer = nd_scope_enter(now + 60 * SEC);
        ends_at(now + 10 * MS, ND_SOURCE_DEADLINE);
        CHECK_EQ(nd_scope_leave(outer), 0);
        now = nd_now();
        CHECK_EQ(nd_set_read_deadline(pair.client, now + 60 * SEC), 0);
        outer = nd_scope_enter(now + 10 * MS);
        ends_at(now + 10 * MS, ND_SOURCE_SCOPE);
        CHECK_EQ(nd_scope_leave(outer), 0);
        CHECK_QUIET(&waiter, 5);
        apin_arrive(&pair, "whole", 5);
        apin_read_all(pair.client, "whole", 5);
        nb_done(&waiter);
        api_close(&pair);
    }
    return 0;
}
