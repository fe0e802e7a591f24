// A read deadline of a listener that has passed fails accept at once, though a connection is queued; that stays in the
// queue.
// Source: FACTS "Go's deadline contract".
//
// api: yes
#include "api.h"

int main(void) {
    struct sockaddr_un un;
    socklen_t size = nd_unix_address(&un, "queue.sock");
    struct sockaddr_in in;
    for (int kind = 0; kind < 2; kind++) {
        int listener = kind ? nd_unix_listener("queue.sock", 8) : nd_listener(8, &in);
        for (size_t i = 0; i < API_ACCEPT_CALLS; i++) {
            int client = MUST(socket(kind ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            MUST(-nd_raw(SYS_connect, client, kind ? (long)&un : (long)&in, kind ? size : (long)sizeof in, 0, 0, 0));
            CHECK_EQ(nd_set_read_deadline(listener, i % 2 ? nd_now() : 1), 0);
            for (int again = 0; again < 3; again++) CHECK_PAST(api_accept_calls[i].make(listener, NULL));
            CHECK_EQ(nd_set_read_deadline(listener, 0), 0);
            CHECK_EQ(api_accept_calls[i].make(listener, NULL), 1);
            // It was this client's connection: its peer has gone.
            char byte;
            CHECK_EQ(nd_raw_read(client, &byte, 1), 0);
            io_close(client);
        }
        io_close(listener);
    }
    return 0;
}
