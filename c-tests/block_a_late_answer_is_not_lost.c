// A read that timed out has taken nothing and broken nothing: what comes later is read later, all of it, and the connection
// goes on working both ways.
// Source: SEMANTICS "Errno" (the deadline ends the wait, not the connection), "Non-blocking sockets", 6 (the clock starts
// anew at the next wait).
//
// env: NETDEADLINE_READ=200ms
// env: NETDEADLINE_RESPONSE=200ms
#include "nd_calls.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    char bytes[16];
    for (size_t i = 0; i < ND_READ_CALLS; i++) {
        int64_t asked = nd_now();
        CHECK_EQ(write(pair.client, "q", 1), 1);
        struct nd_made made;
        nd_make(&made, &nd_read_calls[i], pair.client);
        nd_made_wait(&made);
        // An answer's clock runs from the question: the thread that waits for it may have begun much later.
        CHECK_TIMED_OUT(&made, getenv("NETDEADLINE_READ") ? 200 * MS : 0);
        if (made.start + made.took < asked + 200 * MS)
            FAIL("%s ended %.3f ms after the question", made.call->name, (double)(made.start + made.took - asked) / 1e6);
        CHECK_EQ(nd_raw_read(pair.peer, bytes, sizeof bytes), 1);
        CHECK_EQ(nd_raw_write(pair.peer, "answer", 6), 6);
        nd_sleep(10 * MS);
        nd_make(&made, &nd_read_calls[i], pair.client);
        nd_made_wait(&made);
        CHECK_MOVED(&made);
        CHECK_EQ(made.byte, 'a');
        CHECK_EQ(recv(pair.client, bytes, sizeof bytes, 0), 5);
        CHECK(!memcmp(bytes, "nswer", 5));
    }
    return 0;
}
