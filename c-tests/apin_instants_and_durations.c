// Every 64-bit instant is one: 0 is none, what is past (negative ones too) has expired, the end of time never comes; they come back
// as they were set. Durations: a negative member is EINVAL and nothing is changed, the largest overflow nothing.
// Source: include/netdeadline.h, nd_set_read_deadline, nd_set_timeouts; issue, 3.
//
// api: yes
#include "apin_wait.h"

int main(void) {
    APIN_EACH_KIND(kind) APIN_EACH_WAY(way) {
        const int64_t for_ever = INT64_C(1) << 60;
        struct nd_pair pair = apin_pair(kind);
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        int64_t now = nd_now(), reads, writes;
        const int64_t instants[] = {INT64_MIN, INT64_MIN + 1, -SEC, -1, 1, 2, now - SEC, now,
                                    0, now + 60 * SEC, INT64_MAX / 2, INT64_MAX - 1, INT64_MAX};
        char byte;
        for (size_t i = 0; i < sizeof instants / sizeof *instants; i++) {
            int64_t when = instants[i];
            CHECK_EQ(nd_set_deadline(pair.client, when), 0);
            CHECK_EQ(nd_get_deadlines(pair.client, &reads, &writes), 0);
            int64_t kept = when;
            CHECK_EQ(reads, kept);
            CHECK_EQ(writes, kept);
            CHECK_ERRNO(io_read(pair.client, &byte, 1), i < 8 ? ETIMEDOUT : EAGAIN);
            if (i < 8) CHECK_EQ(nb_wait(&waiter, i % 2 ? -1 : 5000), POLLIN);
            if (i >= 8) CHECK_QUIET(&waiter, 2);
            CHECK_EQ(nd_set_write_deadline(pair.client, 0), 0);
            CHECK_EQ(nd_get_deadlines(pair.client, &reads, &writes), 0);
            CHECK_EQ(reads, kept);
            CHECK_EQ(writes, 0);
        }
        CHECK_EQ(nd_set_deadline(pair.client, 0), 0);
        // The end of time, as instants are.
        struct nd_timeouts set = {1 * SEC, 2 * SEC, INT64_MAX, for_ever / 2, INT64_MAX}, got;
        CHECK_EQ(nd_set_timeouts(pair.client, &set), 0);
        CHECK_QUIET(&waiter, 2);
        for (int member = 0; member < 5; member++) {
            struct nd_timeouts wrong = {5 * SEC, 5 * SEC, 5 * SEC, 5 * SEC, 5 * SEC};
            int64_t *members[] = {&wrong.connect, &wrong.response, &wrong.read, &wrong.write, &wrong.lifetime};
            *members[member] = member % 2 ? -1 : INT64_MIN;
            CHECK_ERRNO(nd_set_timeouts(pair.client, &wrong), EINVAL);
            CHECK_EQ(nd_get_timeouts(pair.client, &got), 0);
            CHECK(!memcmp(&set, &got, sizeof got));
        }
        // The smallest ends a wait, and none is none.
        set = (struct nd_timeouts){.read = 1};
        CHECK_EQ(nd_set_timeouts(pair.client, &set), 0);
        CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
        CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        set = (struct nd_timeouts){0};
        CHECK_EQ(nd_set_timeouts(pair.client, &set), 0);
        CHECK_EQ(nd_get_timeouts(pair.client, &got), 0);
        CHECK(!memcmp(&set, &got, sizeof got));
        CHECK_QUIET(&waiter, 2);
        nb_done(&waiter);
        api_close(&pair);
    }
    return 0;
}
