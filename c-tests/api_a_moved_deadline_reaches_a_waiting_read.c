// A read deadline that is set, moved earlier or later, passed or taken away acts on reads that other threads already
// wait in: every call that reads, on every kind of socket.
// Source: FACTS "Go's deadline contract" (pending operations); FACTS "Real gaps" (poll on {fd, eventfd}).
//
// api: yes
#include "api_moves.h"

static void let(struct api_case *one) { CHECK_EQ(nd_raw_write(one->pair.peer, "d", 1), 1); }

int main(void) {
    static struct api_case cases[API_KINDS * API_READ_CALLS];
    struct api_moves moves = {.cases = cases, .set = nd_set_read_deadline, .let = let};
    for (enum api_kind kind = 0; kind < API_KINDS; kind++)
        for (size_t i = 0; i < API_READ_CALLS; i++) {
            struct api_case *one = &cases[moves.count++];
            one->call = &api_read_calls[i];
            one->pair = api_pair(kind);
            one->fd = one->pair.client;
        }
    api_move_all_ways(&moves);
    for (size_t i = 0; i < moves.count; i++) CHECK_EQ(cases[i].op.byte, 'd');
    return 0;
}
