// How long it takes until a read in another thread comes back once its deadline has passed, beside a bare eventfd that
// wakes a bare ppoll in the same run: by the median no more than a millisecond longer.
// Source: FACTS "Costs" (wake-up of a waiter by eventfd: median 35 us); issue, 2.
//
// api: linked preloaded dlopened
#include "api.h"
#include <sys/eventfd.h>

#define ROUNDS 150
static int bell;
static int by_time(const void *one, const void *other) {
    int64_t a = *(const int64_t *)one, b = *(const int64_t *)other;
    return (a > b) - (a < b);
}
static long waits_for_bell(int fd, char *byte) {
    struct pollfd both[2] = {{.fd = fd, .events = POLLIN}, {.fd = bell, .events = POLLIN}};
    (void)byte;
    return nd_raw(SYS_ppoll, (long)both, 2, 0, 0, 8, 0);
}

int main(void) {
    static const struct nd_call bare = {"bare ppoll", waits_for_bell};
    static int64_t ours[ROUNDS], control[ROUNDS];
    struct nd_pair pair = api_pair(API_TCP);
    struct api_op op;
    uint64_t one = 1;
    bell = MUST(eventfd(0, EFD_CLOEXEC));
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_EQ(nd_set_read_deadline(pair.client, i % 2 ? nd_now() + 60 * SEC : 0), 0);
        api_block(&op, &api_read_calls[0], pair.client);
        int64_t now = nd_now();
        CHECK_EQ(nd_set_read_deadline(pair.client, now), 0);
        CHECK_OP_EXPIRED(&op, now);
        ours[i] = op.end - now;

        api_block(&op, &bare, pair.client);
        now = nd_now();
        CHECK_EQ(nd_raw_write(bell, &one, sizeof one), sizeof one);
        CHECK_OP_MOVED(&op);
        control[i] = op.end - now;
        CHECK_EQ(nd_raw_read(bell, &one, sizeof one), sizeof one);
    }
    qsort(ours, ROUNDS, sizeof *ours, by_time);
    qsort(control, ROUNDS, sizeof *control, by_time);
    printf("median %.1f us, bare %.1f us; worst %.1f, bare %.1f\n", (double)ours[ROUNDS / 2] / 1e3,
           (double)control[ROUNDS / 2] / 1e3, (double)ours[ROUNDS - 1] / 1e3, (double)control[ROUNDS - 1] / 1e3);
    if (ours[ROUNDS / 2] > control[ROUNDS / 2] + MS) FAIL("too slow");
    return 0;
}
