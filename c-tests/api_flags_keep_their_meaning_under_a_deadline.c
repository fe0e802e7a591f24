// MSG_WAITALL returns what came by the deadline, at the deadline; with less than SO_RCVLOWAT a read fails then, and
// what is there stays; MSG_PEEK waits and takes nothing; MSG_DONTWAIT does not wait, but a deadline that has passed
// comes first.
// Source: recv(2), socket(7); SEMANTICS "Blocking calls"; FACTS "Go's deadline contract".
//
// api: yes
#include "api.h"

int main(void) {
    for (enum api_kind kind = 0; kind < API_KINDS; kind++) {
        struct nd_pair pair = api_pair(kind);
        int fd = pair.client;
        char bytes[16] = "";
        // Nothing there: EAGAIN at once before the deadline, ETIMEDOUT after it, whatever is there.
        CHECK_EQ(nd_set_deadline(fd, nd_now() + 60 * SEC), 0);
        int64_t start = nd_now();
        CHECK_ERRNO(io_recv(fd, bytes, 1, MSG_DONTWAIT), EAGAIN);
        CHECK_AT_ONCE(start, ND_LATE);
        CHECK_EQ(io_send(fd, "w", 1, MSG_DONTWAIT | MSG_NOSIGNAL), 1);
        CHECK_EQ(nd_set_deadline(fd, nd_now()), 0);
        CHECK_PAST(io_recv(fd, bytes, 1, MSG_DONTWAIT));
        CHECK_EQ(nd_raw_write(pair.peer, "abc", 3), 3);
        CHECK_PAST(io_recv(fd, bytes, 1, MSG_DONTWAIT));
        CHECK_PAST(io_recv(fd, bytes, 1, MSG_PEEK));
        CHECK_PAST(io_recv(fd, bytes, 1, MSG_PEEK | MSG_DONTWAIT));
        CHECK_PAST(io_recv(fd, bytes, 3, MSG_WAITALL));
        CHECK_PAST(io_send(fd, "w", 1, MSG_DONTWAIT | MSG_NOSIGNAL));
        CHECK_EQ(nd_set_deadline(fd, nd_now() + 60 * SEC), 0);
        for (int i = 0; i < 2; i++) CHECK_EQ(io_recv(fd, bytes, 8, MSG_PEEK), 3);
        CHECK_EQ(io_recv(fd, bytes, 8, 0), 3);
        CHECK(!memcmp(bytes, "abc", 3));

        // A peek waits until the deadline, and sees what comes before it.
        int64_t when = nd_now() + 50 * MS;
        CHECK_EQ(nd_set_deadline(fd, when), 0);
        CHECK_ERRNO(io_recv(fd, bytes, 1, MSG_PEEK), ETIMEDOUT);
        CHECK_JUST_AFTER(when);
        struct nd_later later;
        CHECK_EQ(nd_set_deadline(fd, nd_now() + 60 * SEC), 0);
        nd_send_later(&later, pair.peer, 50 * MS, "p", 1);
        CHECK_EQ(io_recv(fd, bytes, 4, MSG_PEEK), 1);
        CHECK_EQ(io_recv(fd, bytes, 4, 0), 1);
        nd_later_join(&later);

        if (api_is_stream(kind)) {
            // In two pieces, one of them while it waits.
            CHECK_EQ(nd_raw_write(pair.peer, "123", 3), 3);
            nd_send_later(&later, pair.peer, 30 * MS, "45", 2);
            when = nd_now() + 150 * MS;
            CHECK_EQ(nd_set_deadline(fd, when), 0);
            ssize_t got = io_recv(fd, bytes, 10, MSG_WAITALL);
            CHECK_JUST_AFTER(when);
            nd_later_join(&later);
            // A machine that needed longer than the deadline for the second piece finds it later.
            CHECK(got == 5 || got == 3);
            CHECK_PAST(io_recv(fd, bytes, 10, MSG_WAITALL));
            CHECK_EQ(nd_set_deadline(fd, nd_now() + 60 * SEC), 0);
            if (got < 5) CHECK_EQ(io_recv(fd, bytes + 3, 2, MSG_WAITALL), 2);
            CHECK(!memcmp(bytes, "12345", 5));
            nd_send_later(&later, pair.peer, 30 * MS, "890", 3);
            CHECK_EQ(nd_raw_write(pair.peer, "67", 2), 2);
            CHECK_EQ(io_recv(fd, bytes, 5, MSG_WAITALL), 5);
            CHECK(!memcmp(bytes, "67890", 5));
            nd_later_join(&later);
        }
        // Where the library saw the option being set.
        if (kind == API_TCP && API_INTERPOSED) {
            int lowat = 6;
            MUST(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof lowat));
            CHECK_EQ(nd_raw_write(pair.peer, "abc", 3), 3);
            when = nd_now() + 80 * MS;
            CHECK_EQ(nd_set_deadline(fd, when), 0);
            CHECK_ERRNO(io_recv(fd, bytes, 16, 0), ETIMEDOUT);
            CHECK_JUST_AFTER(when);
            nd_send_later(&later, pair.peer, 30 * MS, "def", 3);
            CHECK_EQ(nd_set_deadline(fd, nd_now() + 60 * SEC), 0);
            CHECK_EQ(io_recv(fd, bytes, 16, 0), 6);
            CHECK(!memcmp(bytes, "abcdef", 6));
            nd_later_join(&later);
        }
        api_close(&pair);
    }
    return 0;
}
