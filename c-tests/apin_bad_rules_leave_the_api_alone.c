// Where the operator's rules cannot be read, or say nothing, or switch things off, the interface does what the program asked for:
// bad rules make the rules inert, not the library.
// Source: SEMANTICS "Policy text", last paragraphs; issue, 1.
//
// api: yes
// env: NETDEADLINE_RULES="too * read=200ms"
// env: NETDEADLINE_READ=5parsecs NETDEADLINE_CONNECT=-3s
// env: NETDEADLINE_CONFIG=/nonexistent/rules
// env: NETDEADLINE_RULES=
// env: NETDEADLINE_READ=1h NETDEADLINE_WRITE=1h NETDEADLINE_CONNECT=1h NETDEADLINE_LIFETIME=1h
#include "apin_wait.h"

int main(void) {
    APIN_EACH_WAY(way) {
        struct nd_pair pair = apin_pair(API_TCP);
        struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
        struct nd_timeouts timeouts = {.read = 10 * MS}, none = {0};
        struct nd_expiry why;
        char byte;
        int64_t when = nd_now() + 10 * MS;
        CHECK_EQ(nd_set_deadline(pair.client, when), 0);
        CHECK_EQ(nb_wait(&waiter, -1), POLLIN);
        CHECK_JUST_AFTER(when);
        CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_EQ(nd_last_expiry(pair.client, &why), 0);
        CHECK_EQ(why.source, ND_SOURCE_DEADLINE);
        CHECK_EQ(why.which, ND_READ);
        CHECK(why.when >= when && why.when <= nd_now());
        CHECK_EQ(nd_set_deadline(pair.client, 0), 0);
        CHECK_EQ(nd_set_timeouts(pair.client, &timeouts), 0);
        CHECK_EQ(nb_wait(&waiter, -1), POLLIN);
        CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_EQ(nd_last_expiry(pair.client, &why), 0);
        CHECK_EQ(why.source, ND_SOURCE_TIMEOUTS);
        CHECK_EQ(nd_set_timeouts(pair.client, &none), 0);
        int64_t token = nd_scope_enter(nd_now() + 10 * MS);
        CHECK(token >= 0);
        CHECK_EQ(nb_wait(&waiter, -1), POLLIN);
        CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
        CHECK_EQ(nd_scope_leave(token), 0);
        CHECK_QUIET(&waiter, 5);
        nb_done(&waiter);
        api_close(&pair);
    }
    return 0;
}
