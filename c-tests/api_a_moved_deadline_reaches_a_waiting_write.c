// A write deadline that is set, moved earlier or later, passed or taken away acts on writes that other threads already
// wait in: every call that writes, to TCP, unix stream and unix datagram peers that have no room.
// Source: FACTS "Go's deadline contract" (pending operations).
//
// api: yes
#include "api_moves.h"

static void let(struct api_case *one) { CHECK(nd_drain(one->pair.peer) > 0); }

int main(void) {
    static struct api_case cases[3 * API_WRITE_CALLS];
    struct api_moves moves = {.cases = cases, .set = nd_set_write_deadline, .let = let};
    struct nd_pair tcp[API_WRITE_CALLS];
    nd_zero_windows(tcp, API_WRITE_CALLS);
    api_settle(tcp, API_WRITE_CALLS);
    for (enum api_kind kind = API_TCP; kind <= API_UNIX_DGRAM; kind++)
        for (size_t i = 0; i < API_WRITE_CALLS; i++) {
            struct api_case *one = &cases[moves.count++];
            one->call = &api_write_calls[i];
            one->pair = kind == API_TCP ? tcp[i] : api_full_pair(kind);
            one->fd = one->pair.client;
        }
    api_move_all_ways(&moves);
    return 0;
}
