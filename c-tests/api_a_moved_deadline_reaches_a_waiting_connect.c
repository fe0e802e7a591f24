// A write deadline that is set, moved earlier or later, passed or taken away acts on a connect that another thread
// already waits in: to a host that answers no SYN, and to a unix socket with a full queue. The attempt is over then:
// nobody gets into that queue later.
// Source: FACTS "Go's deadline contract" (pending operations); include/netdeadline.h, nd_set_write_deadline.
//
// api: yes
#include "api_moves.h"

static struct nd_hole hole;
static int un;

static void renew_tcp(struct api_case *one) {
    if (one->fd > 0) io_close(one->fd);
    one->fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}
static void renew_un(struct api_case *one) {
    if (one->fd > 0) io_close(one->fd);
    one->fd = MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}
// The listener answers the next SYN, a second after the first.
static void let_tcp(struct api_case *one) {
    (void)one;
    if (hole.count) nd_open_hole(&hole);
}
static void let_un(struct api_case *one) {
    (void)one;
    nd_raw_close(nd_raw_accept(un));
}

int main(void) {
    static struct api_case cases[API_CONNECT_CALLS];
    struct api_moves moves = {.cases = cases, .set = nd_set_write_deadline, .count = API_CONNECT_CALLS};
    for (size_t i = 0; i < API_CONNECT_CALLS; i++) cases[i].call = &api_connect_calls[i];

    un = nd_unix_listener("full.sock", 0);
    api_target_size = nd_unix_address(&api_target.un, "full.sock");
    int first = MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    MUST(-nd_raw(SYS_connect, first, (long)&api_target, api_target_size, 0, 0, 0));
    moves.renew = renew_un;
    moves.let = let_un;
    api_move_all_ways(&moves);
    // One accepted for each that was let through, one is in the queue: the others never came.
    nd_raw_close(nd_raw_accept(un));
    CHECK(!nd_somebody_connects(un, 100 * MS));

    hole = nd_black_hole();
    api_target.in = hole.at;
    api_target_size = sizeof hole.at;
    for (size_t i = 0; i < API_CONNECT_CALLS; i++) cases[i].fd = 0;
    moves.renew = renew_tcp;
    moves.let = let_tcp;
    api_move_all_ways(&moves);
    // Whoever opened the queue may have accepted and closed this one already.
    for (size_t i = 0; i < API_CONNECT_CALLS; i++) CHECK(nd_tcp_state(cases[i].fd) != TCP_SYN_SENT);
    return 0;
}
