// A deadline that is moved to a later instant, again and again, does not end the waits that other threads are in before the last
// of them; one that is cleared does not end them at all.
// Source: SEMANTICS "Sources of a deadline" 1; FACTS "Go's deadline contract": extend, clear.
//
// api: yes
#include "apin_wait.h"

// A machine that sleeps through the old instant has shown nothing: then the round is done again.
static bool moved_in_time(bool clear) {
    struct apin_sleeper sleepers[APIN_MAX_WAITS];
    struct nd_pair pairs[APIN_MAX_WAITS];
    int64_t first = nd_now() + 250 * MS, last = 0;
    bool in_time = true;
    for (size_t i = 0; i < APIN_WAITS; i++) {
        pairs[i] = apin_pair((enum api_kind)(i % API_KINDS));
        CHECK_EQ(nd_set_read_deadline(pairs[i].client, first), 0);
        apin_start(&sleepers[i], apin_waits[i].way, apin_waits[i].count, pairs[i].client, POLLIN, clear ? 500 : 20000);
    }
    apin_asleep(sleepers, APIN_WAITS);
    for (int step = 0; step < (clear ? 1 : 4); step++) {
        last = first + (step + 1) * 50 * MS;
        for (size_t i = 0; i < APIN_WAITS; i++) CHECK_EQ(nd_set_read_deadline(pairs[i].client, clear ? 0 : last), 0);
        in_time = in_time && nd_now() < (step ? last - 50 * MS : first);
        if (!clear) nd_sleep(20 * MS);
    }
    for (size_t i = 0; i < APIN_WAITS; i++) {
        apin_end(&sleepers[i]);
        if (in_time && clear) CHECK_WOKEN(&sleepers[i], 0, sleepers[i].began + 500 * MS);
        if (in_time && !clear) CHECK_WOKEN(&sleepers[i], POLLIN, last);
        api_close(&pairs[i]);
    }
    return in_time;
}

int main(void) {
    for (int clear = 0; clear < 2; clear++) {
        int tries = 0;
        while (!moved_in_time(clear))
            if (++tries == 10) SKIP("the machine was too busy ten times");
    }
    return 0;
}
