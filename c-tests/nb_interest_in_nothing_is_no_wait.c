// A wait that asks for neither data nor room waits for nothing that a read deadline could bound.
// Source: SEMANTICS "Classes", read; "Non-blocking sockets" 4: only bits the program asked for.
//
// native: yes
// env: NETDEADLINE_READ=120ms NETDEADLINE_WRITE=120ms
#include "nb_wait.h"

int main(void) {
    NB_EACH_WAY(way) {
        if (nb_is_select(way)) continue;
        struct nd_pair pair = nb_pair();
        struct nb_waiter waiter = nb_waiter(way, pair.client, 0);
        CHECK_QUIET(&waiter, 300);
        nb_done(&waiter);
        waiter = nb_waiter(way, pair.client, POLLPRI);
        CHECK_QUIET(&waiter, 300);
        nb_done(&waiter);
        nd_pair_close(&pair);
    }
    CHECK_NO_RECORDS();
    return 0;
}
