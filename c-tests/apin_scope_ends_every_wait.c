// In a scope each of the seven waits ends at the scope's instant and reports its sockets as ready, with the bits that were asked
// for; the calls that follow answer ETIMEDOUT. After the scope the same waits wait again.
// Source: include/netdeadline.h, nd_scope_enter.
//
// api: yes
#include "apin_wait.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    APIN_EACH_WAY(way) {
        APIN_EACH_KIND(kind) {
            if (kind == API_UDP) continue;
            struct nd_pair pair = apin_full_pair(kind == API_TCP ? API_UNIX : kind), tcp = apin_pair(API_TCP);
            struct nb_waiter waiters[] = {nb_waiter(way, pair.client, POLLIN), nb_waiter(way, pair.client, POLLOUT),
                                          nb_waiter(way, pair.client, POLLIN | POLLOUT), nb_waiter(way, tcp.client, POLLIN)};
            char byte;
            for (int i = 0; i < 4; i++) {
                int64_t when = nd_now() + 10 * MS, token = nd_scope_enter(when);
                CHECK(token >= 0);
                CHECK_EQ(nb_wait(&waiters[i], i % 2 ? -1 : 20000), waiters[i].events);
                CHECK_JUST_AFTER(when);
                CHECK_EQ(nb_wait(&waiters[i], -1), waiters[i].events);
                CHECK_EQ(nb_wait(&waiters[i], 0), waiters[i].events);
                CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
                CHECK_ERRNO(io_write(pair.client, "x", 1), ETIMEDOUT);
                CHECK_EQ(nd_scope_leave(token), 0);
                CHECK_QUIET(&waiters[i], 5);
                CHECK_ERRNO(io_read(pair.client, &byte, 1), EAGAIN);
                CHECK_ERRNO(io_write(pair.client, "x", 1), EAGAIN);
            }
            for (int i = 0; i < 4; i++) nb_done(&waiters[i]);
            api_close(&pair);
            api_close(&tcp);
        }
        // A connect under way has failed, and stays so after the scope.
        int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        int64_t when = nd_now() + 15 * MS, token = nd_scope_enter(when);
        CHECK_ERRNO(io_connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), EINPROGRESS);
        struct nb_waiter waiter = nb_waiter(way, fd, POLLOUT);
        CHECK_EQ(nb_wait(&waiter, -1), nb_is_select(way) ? POLLOUT : POLLOUT | POLLERR | POLLHUP);
        CHECK_JUST_AFTER(when);
        apin_connect_timed_out(fd);
        CHECK_EQ(nd_scope_leave(token), 0);
        nb_done(&waiter);
        io_close(fd);
    }
    return 0;
}
