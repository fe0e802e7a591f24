// A handler may enter a scope and leave it again: its own calls are bounded, and what it interrupted goes on as it was, in the
// scope that was there or in none.
// Source: include/netdeadline.h, nd_scope_enter: in a signal handler only if the handler also leaves it.
//
// api: yes
#include "apin_wait.h"
#include <sys/time.h>

static struct nd_pair inner;
static atomic_int handled, wrong;

static void handler(int signal) {
    int before = errno;
    char byte;
    (void)signal;
    int64_t when = nd_now() + 2 * MS, token = nd_scope_enter(when);
    struct pollfd entry = {.fd = inner.client, .events = POLLIN};
    if (token < 0) atomic_store(&wrong, 1);
    if (io_poll(&entry, 1, 20000) != 1 || entry.revents != POLLIN) atomic_store(&wrong, 2);
    if (nd_now() < when && !atomic_load(&handled)) atomic_store(&wrong, 3);
    if (io_read(inner.client, &byte, 1) != -1 || errno != ETIMEDOUT) atomic_store(&wrong, 4);
    if (nd_scope_leave(token)) atomic_store(&wrong, 5);
    if (nd_scope_leave(token) != -1 || errno != EINVAL) atomic_store(&wrong, 6);
    atomic_fetch_add(&handled, 1);
    errno = before;
}

int main(void) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct nd_pair pair = api_pair(API_TCP);
    char byte;
    inner = apin_pair(API_UNIX);
    MUST(sigaction(SIGALRM, &action, NULL));
    // Far enough apart that the program goes on in between. Outside of a scope, between and within calls that do not wait.
    struct itimerval often = {.it_value.tv_usec = 3000, .it_interval.tv_usec = 25000}, never = {0};
    MUST(setitimer(ITIMER_REAL, &often, NULL));
    int64_t end = nd_now() + 10 * SEC;
    while (atomic_load(&handled) < 12 && nd_now() < end) {
        CHECK_ERRNO(io_recv(pair.client, &byte, 1, MSG_DONTWAIT), EAGAIN);
        int64_t token = nd_scope_enter(nd_now() + 60 * SEC);
        CHECK(token >= 0);
        CHECK_ERRNO(io_recv(pair.client, &byte, 1, MSG_DONTWAIT), EAGAIN);
        CHECK_EQ(nd_scope_leave(token), 0);
    }
    CHECK(atomic_load(&handled) >= 12);
    // In a wait of an outer scope, which ends at its own instant.
    int64_t when = nd_now() + 80 * MS, token = nd_scope_enter(when);
    CHECK(token >= 0);
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    CHECK_JUST_AFTER(when);
    MUST(setitimer(ITIMER_REAL, &never, NULL));
    CHECK_EQ(nd_scope_leave(token), 0);
    if (atomic_load(&wrong)) FAIL("in the handler, check %d", atomic_load(&wrong));
    apin_arrive(&pair, "a", 1);
    CHECK_EQ(io_read(pair.client, &byte, 1), 1);
    return 0;
}
