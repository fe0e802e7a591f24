// A reader that is slow but steady gets the whole file from one sendfile, though it takes longer than the deadline.
// Source: SEMANTICS "Classes", write: restarts on progress; sendfile(2).
//
// native: yes
// env: none
// env: NETDEADLINE_WRITE=1500ms
#include "nd_calls.h"

static struct nd_pair pair;
static volatile bool done;
static void *slow_reader(void *unused) {
    for (int i = 0; i < 5; i++) {
        nd_sleep(400 * MS);
        nd_drain(pair.peer);
    }
    while (!done) {
        nd_drain(pair.peer);
        nd_sleep(1 * MS);
    }
    return unused;
}

int main(void) {
    static char content[1 << 20];
    int file = MUST(open("content", O_RDWR | O_CREAT, 0600));
    CHECK_EQ(nd_raw_write(file, content, sizeof content), sizeof content);
    pair = nd_tcp_pair();
    nd_small_buffers(&pair);
    struct nd_thread reader = nd_start(slow_reader, NULL);
    off_t offset = 0;
    int64_t start = nd_now();
    errno = 4242;
    CHECK_EQ(sendfile(pair.client, file, &offset, sizeof content), sizeof content);
    CHECK_EQ(errno, 4242);
    CHECK(nd_now() - start > 1500 * MS);
    CHECK_EQ(offset, sizeof content);
    done = true;
    nd_join(reader, 5 * SEC);
    CHECK_NO_RECORDS();
    return 0;
}
