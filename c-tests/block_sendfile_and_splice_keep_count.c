// A big sendfile or splice to a peer that stops reading returns what it got rid of at the deadline, with the offset moved
// by exactly that much; the next one fails at once. What the peer then reads is the file's beginning, without a gap.
// Source: SEMANTICS "Blocking calls" (sendfile blocks again after POLLOUT: send in chunks), "Errno", write.
//
// env: NETDEADLINE_WRITE=2s
// cap: 60
#include "nd_calls.h"

enum { SIZE = 4 << 20 };
static unsigned char content[SIZE], received[SIZE];

static size_t receive_all(int fd) {
    size_t total = 0;
    int64_t last = nd_now();
    while (nd_now() - last < 500 * MS && total < SIZE) {
        long got = nd_raw(SYS_recvfrom, fd, (long)(received + total), (long)(SIZE - total), MSG_DONTWAIT, 0, 0);
        if (got > 0) {
            total += (size_t)got;
            last = nd_now();
        } else {
            nd_sleep(1 * MS);
        }
    }
    return total;
}

int main(void) {
    for (int i = 0; i < SIZE; i++) content[i] = (unsigned char)(i * 7 + i / 251);
    int file = MUST(open("content", O_RDWR | O_CREAT, 0600));
    for (long at = 0; at < SIZE;) at += MUST(pwrite(file, content + at, (size_t)(SIZE - at), at));
    struct nd_pair pair = nd_tcp_pair();
    nd_small_buffers(&pair);
    off_t offset = 0;
    int64_t start = nd_now();
    ssize_t sent = sendfile(pair.client, file, &offset, SIZE);
    if (sent <= 0 || sent >= SIZE) FAIL("sendfile: %zd, errno %d", sent, errno);
    CHECK_ENDED_AT(start, 2 * SEC);
    CHECK_EQ(offset, sent);
    start = nd_now();
    CHECK_ERRNO(sendfile(pair.client, file, &offset, (size_t)(SIZE - sent)), ETIMEDOUT);
    CHECK_AT_ONCE(start, 1500 * MS);
    CHECK_EQ(offset, sent);
    CHECK_EQ(receive_all(pair.peer), sent);
    CHECK(!memcmp(received, content, (size_t)sent));
    CHECK_RECORDS("write", 1);

    // Without an offset the file's own position moves.
    pair = nd_tcp_pair();
    nd_small_buffers(&pair);
    MUST(lseek(file, 0, SEEK_SET));
    sent = sendfile(pair.client, file, NULL, SIZE);
    if (sent <= 0 || sent >= SIZE) FAIL("sendfile: %zd, errno %d", sent, errno);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), sent);

    pair = nd_tcp_pair();
    nd_small_buffers(&pair);
    int ends[2];
    MUST(pipe(ends));
    MUST(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20));
    long piped = nd_raw_write(ends[1], content, 1 << 20);
    CHECK_EQ(piped, 1 << 20);
    start = nd_now();
    sent = splice(ends[0], NULL, pair.client, NULL, 1 << 20, 0);
    if (sent <= 0 || sent >= 1 << 20) FAIL("splice: %zd, errno %d", sent, errno);
    CHECK_ENDED_AT(start, 2 * SEC);
    int left = 0;
    MUST(ioctl(ends[0], FIONREAD, &left));
    CHECK_EQ(left, (1 << 20) - sent);
    start = nd_now();
    CHECK_ERRNO(splice(ends[0], NULL, pair.client, NULL, 1 << 20, 0), ETIMEDOUT);
    CHECK_AT_ONCE(start, 1500 * MS);
    CHECK_EQ(receive_all(pair.peer), sent);
    CHECK(!memcmp(received, content, (size_t)sent));
    return 0;
}
