// A program that tried to read, then waited for room alone for longer than the read deadline, did not wait for input meanwhile:
// its next wait for input has its whole time.
// Source: SEMANTICS "Classes", read: "a gap between two waits ... starts it anew".
//
// env: NETDEADLINE_READ=400ms
// cap: 12
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nd_zero_window();
    struct nd_later later;
    char byte;
    nd_nonblocking(pair.client);
    CHECK_ERRNO(read(pair.client, &byte, 1), EAGAIN);
    struct pollfd entry = {.fd = pair.client, .events = POLLOUT};
    for (int i = 0; i < 14; i++) CHECK_EQ(poll(&entry, 1, 50), 0);
    nd_send_later(&later, pair.peer, 200 * MS, "!", 1);
    entry.events = POLLIN;
    CHECK_EQ(poll(&entry, 1, 5000), 1);
    CHECK_EQ(read(pair.client, &byte, 1), 1);
    CHECK_NO_RECORDS();
    nd_later_join(&later);
    return 0;
}
