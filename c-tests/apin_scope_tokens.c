// Only the calling thread's innermost scope can be left: twice, out of order, by another thread, with a made-up token: EINVAL, and
// the scopes that are there stay. 64 scopes can be within one another, the 65th is refused with EAGAIN.
// Source: include/netdeadline.h, nd_scope_enter, nd_scope_leave.
//
// api: yes
#include "apin_wait.h"

enum { DEEP = 64 };
static int64_t tokens[DEEP];

static void *leave_them_all(void *argument) {
    (void)argument;
    for (int i = 0; i < DEEP; i++) CHECK_ERRNO(nd_scope_leave(tokens[i]), EINVAL);
    // Nor while it has one of its own.
    int64_t own = nd_scope_enter(1);
    CHECK(own >= 0);
    for (int i = 0; i < DEEP; i++)
        if (tokens[i] != own) CHECK_ERRNO(nd_scope_leave(tokens[i]), EINVAL);
    CHECK_EQ(nd_scope_leave(own), 0);
    CHECK_ERRNO(nd_scope_leave(own), EINVAL);
    return NULL;
}

int main(void) {
    static const int64_t made_up[] = {0, 1, -1, 2, 63, 64, 65, 1024, 65536, INT32_MAX, INT64_C(1) << 32, INT64_MAX, INT64_MIN};
    struct nd_pair pair = apin_pair(API_TCP);
    char byte;
    // Before the thread was in any scope.
    for (size_t i = 0; i < sizeof made_up / sizeof *made_up; i++) CHECK_ERRNO(nd_scope_leave(made_up[i]), EINVAL);
    for (int round = 0; round < 50; round++) {
        int64_t far = nd_now() + 60 * SEC;
        for (int i = 0; i < DEEP; i++) {
            CHECK((tokens[i] = nd_scope_enter(far)) >= 0);
            for (int j = 0; j < i; j++) CHECK(tokens[j] != tokens[i]);
        }
        for (int i = 0; i < 3; i++) CHECK_ERRNO(nd_scope_enter(1), EAGAIN);
        // What was refused bounds nothing.
        CHECK_ERRNO(io_read(pair.client, &byte, 1), EAGAIN);
        if (round < 3) nd_join(nd_start(leave_them_all, NULL), 10 * SEC);
        for (int i = 0; i < DEEP - 1; i++) CHECK_ERRNO(nd_scope_leave(tokens[i]), EINVAL);
        for (size_t i = 0; i < sizeof made_up / sizeof *made_up; i++)
            if (made_up[i] != tokens[DEEP - 1]) CHECK_ERRNO(nd_scope_leave(made_up[i]), EINVAL);
        for (int i = DEEP - 1; i >= 0; i--) {
            CHECK_EQ(nd_scope_leave(tokens[i]), 0);
            CHECK_ERRNO(nd_scope_leave(tokens[i]), EINVAL);
            if (i) {
                // The one around it still is one, and there is room for another.
                int64_t again = nd_scope_enter(1);
                CHECK(again >= 0);
                CHECK_ERRNO(nd_scope_leave(tokens[i]), EINVAL);
                CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
                CHECK_EQ(nd_scope_leave(again), 0);
            }
            CHECK_ERRNO(io_read(pair.client, &byte, 1), EAGAIN);
        }
    }
    return 0;
}
