// Deadlines that the program sets itself, in the way `movable`: they are exact, so what must fail and what must not is exact.
#include "chaos.h"

void do_api(struct thread *t) {
    struct conn *c = any_conn(t);
    int side = (int)below(t, 2);
    if (world->way != MOVABLE || !c || !is_socket(c) || c->end[side].n == 0)
        return;
    struct end *e = &c->end[side];
    int fd = a_number(t, e);
    if (one_in(t, 4)) {
        // Every number of a description shows the same.
        int64_t read = -1, write = -1;
        MUST(t, CALL(t, nd_get_deadlines, fd, fd, &read, &write) == 0);
        if (read != e->nd_read || write != e->nd_write)
            fault(t, "deadlines of %d are %lld and %lld, set were %lld and %lld", fd, (long long)read, (long long)write,
                  (long long)e->nd_read, (long long)e->nd_write);
        return;
    }
    int64_t when = one_in(t, 2) ? 0 : one_in(t, 4) ? 1 : one_in(t, 4) ? now() + 3 * MS : now() + HOUR;
    if (one_in(t, 2)) {
        e->nd_read = when;
        MUST(t, CALL(t, nd_set_read_deadline, fd, fd, when) == 0);
    } else {
        e->nd_write = when;
        MUST(t, CALL(t, nd_set_write_deadline, fd, fd, when) == 0);
    }
}

void do_scope(struct thread *t) {
    if (world->way != MOVABLE)
        return;
    int64_t when = one_in(t, 3) ? 1 : now() + HOUR, token = CALL(t, nd_scope_enter, -1, when);
    MUST(t, token >= 0);
    t->scope = when;
    for (int i = 0; i < 3; i++)
        one_in(t, 2) ? do_send(t) : one_in(t, 4) ? do_poll(t) : do_receive(t);
    t->scope = 0;
    MUST(t, CALL(t, nd_scope_leave, -1, token) == 0);
}
