// recvmmsg without MSG_WAITFORONE waits for all its messages; what came before a deadline is returned, not lost. sendmmsg
// returns the messages it got rid of.
// Source: recvmmsg(2), sendmmsg(2); SEMANTICS "Errno".
//
// env: NETDEADLINE_READ=400ms NETDEADLINE_WRITE=400ms
#include "nd_test.h"

int main(void) {
    static char big[1 << 20];
    char one[4], two[4];
    struct iovec parts[2] = {{one, 4}, {two, 4}};
    struct mmsghdr messages[2] = {{.msg_hdr = {.msg_iov = &parts[0], .msg_iovlen = 1}},
                                  {.msg_hdr = {.msg_iov = &parts[1], .msg_iovlen = 1}}};
    struct nd_pair pair = nd_tcp_pair();
    CHECK_EQ(nd_raw_write(pair.peer, "abc", 3), 3);
    int64_t start = nd_now();
    CHECK_EQ(recvmmsg(pair.client, messages, 2, 0, NULL), 1);
    CHECK_ENDED_AT(start, 400 * MS);
    CHECK_EQ(messages[0].msg_len, 3);
    CHECK(!memcmp(one, "abc", 3));

    CHECK_EQ(nd_raw_write(pair.peer, "de", 2), 2);
    start = nd_now();
    CHECK_EQ(recvmmsg(pair.client, messages, 2, MSG_WAITFORONE, NULL), 1);
    CHECK_AT_ONCE(start, 300 * MS);

    struct nd_pair full = nd_tcp_pair();
    nd_small_buffers(&full);
    struct iovec out[2] = {{big, 100}, {big, sizeof big}};
    struct mmsghdr sends[2] = {{.msg_hdr = {.msg_iov = &out[0], .msg_iovlen = 1}},
                               {.msg_hdr = {.msg_iov = &out[1], .msg_iovlen = 1}}};
    start = nd_now();
    int sent = sendmmsg(full.client, sends, 2, 0);
    CHECK_ENDED_AT(start, 400 * MS);
    CHECK_EQ(sends[0].msg_len, 100);
    // The second message went in part: it counts, with its length.
    CHECK_EQ(sent, 2);
    CHECK(sends[1].msg_len > 0 && sends[1].msg_len < sizeof big);
    return 0;
}
