// A slow reader that takes something before each deadline is never cut off, though the one big write lasts much longer.
// Source: SEMANTICS "Classes", write: restarts on every byte accepted or acknowledged.
//
// native: yes
// env: NETDEADLINE_WRITE=1500ms
#include "nd_test.h"

static struct nd_pair pair;
static volatile bool done;

static void *slow_reader(void *unused) {
    (void)unused;
    for (int i = 0; i < 5; i++) {
        nd_sleep(500 * MS);
        nd_drain(pair.peer);
    }
    while (!done) {
        nd_drain(pair.peer);
        nd_sleep(1 * MS);
    }
    return NULL;
}

int main(void) {
    static char block[1 << 20];
    pair = nd_tcp_pair();
    nd_small_buffers(&pair);
    struct nd_thread reader = nd_start(slow_reader, NULL);
    int64_t start = nd_now();
    CHECK_EQ(write(pair.client, block, sizeof block), sizeof block);
    CHECK(nd_now() - start > 1500 * MS);
    done = true;
    nd_join(reader, 10 * SEC);
    CHECK_NO_RECORDS();
    return 0;
}
