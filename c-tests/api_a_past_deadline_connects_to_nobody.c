// A write deadline that has passed fails connect at once, and nobody was connected to: cleared, the same socket
// connects.
// Source: FACTS "Go's deadline contract"; include/netdeadline.h, nd_set_write_deadline.
//
// api: yes
#include "api.h"

int main(void) {
    for (int kind = 0; kind < 2; kind++) {
        int listener = kind ? nd_unix_listener("nobody.sock", 8) : nd_listener(8, &api_target.in);
        api_target_size = kind ? nd_unix_address(&api_target.un, "nobody.sock") : sizeof api_target.in;
        for (size_t i = 0; i < API_CONNECT_CALLS; i++) {
            int fd = MUST(socket(kind ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
            CHECK_EQ(nd_set_write_deadline(fd, i % 2 ? nd_now() : -1), 0);
            for (int again = 0; again < 3; again++) CHECK_PAST(api_connect_calls[i].make(fd, NULL));
            CHECK(!nd_somebody_connects(listener, 50 * MS));
            CHECK_EQ(nd_set_write_deadline(fd, 0), 0);
            CHECK_EQ(api_connect_calls[i].make(fd, NULL), 1);
            CHECK(nd_somebody_connects(listener, 5 * SEC));
            nd_raw_close(nd_raw_accept(listener));
            io_close(fd);
        }
        io_close(listener);
    }
    return 0;
}
