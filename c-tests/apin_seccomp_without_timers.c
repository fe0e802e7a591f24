// Under a seccomp filter that refuses timerfd_create (EPERM), or eventfd, or both, deadlines hold in calls and waits, and moved ones
// act on waits that have begun, at most a little later; a filter that came before the library as well as one that comes later.
// Source: SEMANTICS "Sandboxes": EPERM counts as ENOSYS.
//
// api: linked preloaded dlopened
#include "apin_wait.h"
#include "sec_seccomp.h"

static void work(void) {
    char byte;
    APIN_EACH_WAY(way) {
        struct nd_pair pair = apin_pair(API_TCP);
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        struct apin_sleeper sleeper;
        int64_t when = nd_now() + 10 * MS;
        CHECK_EQ(nd_set_deadline(pair.client, when), 0);
        CHECK_EQ(nb_wait(&waiter, -1), POLLIN);
        CHECK_JUST_AFTER(when);
        CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_EQ(nd_set_deadline(pair.client, nd_now() + 60 * SEC), 0);
        apin_start(&sleeper, way, 1, pair.client, POLLIN, -1);
        apin_asleep(&sleeper, 1);
        when = nd_now() + 10 * MS;
        CHECK_EQ(nd_set_deadline(pair.client, when), 0);
        apin_end(&sleeper);
        CHECK_WOKEN(&sleeper, POLLIN, when);
        CHECK_EQ(nd_set_deadline(pair.client, 0), 0);
        int64_t token = nd_scope_enter(nd_now() + 5 * MS);
        CHECK(token >= 0);
        CHECK_EQ(nb_wait(&waiter, -1), POLLIN);
        CHECK_EQ(nd_scope_leave(token), 0);
        nb_done(&waiter);
        api_close(&pair);
    }
}

int main(void) {
    static const int calls[] = {SYS_timerfd_create, SYS_eventfd2};
    for (int which = 0; which < 3; which++) {
        for (int used_before = 0; used_before < 2; used_before++) {
            fprintf(stderr, "filter %d%s\n", which, used_before ? ", used before" : "");
            pid_t child = fork();
            if (!child) {
                struct nd_pair pair = apin_pair(API_TCP);
                if (used_before) CHECK_EQ(nd_set_deadline(pair.client, nd_now() + 60 * SEC), 0);
                sec_install(used_before ? BY_PRCTL : UNSEEN, which == 1 ? &calls[1] : calls, which == 2 ? 2 : 1,
                            SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ALLOW);
                work();
                _exit(0);
            }
            int status = nd_reap(child, 15 * SEC);
            if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no seccomp");
            CHECK_EQ(status, 0);
        }
    }
    return 0;
}
