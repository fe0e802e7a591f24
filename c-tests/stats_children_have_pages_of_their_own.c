// A forked child counts in a page of its own, which begins with the connections that it inherited; its parent's is not touched by it,
// whatever it does, nor by its children or by threads that it starts. A child that only closes has no page. One that shares the
// parent's memory (vfork, posix_spawn, clone with CLONE_VM) writes in none. What is executed under the same number has the next one.
// Source: SECURITY 5 ("a fork gets its own"); SEMANTICS "fds and processes".
//
// env: NETDEADLINE_RULES="to 127.0.0.0/24 read=300ms"
#include "stats_page.h"
#include <sched.h>
#include <spawn.h>

extern char **environ;
static struct sockaddr_in at, other;
static int listener, other_listener, fd, peer;
static struct st_page before;

static int dial(int from, const struct sockaddr_in *to, int *end) {
    int made = nd_connect(to);
    *end = nd_raw_accept(from);
    return made;
}
static void remember(void) {
    if (!st_look(getpid(), -1, &before)) FAIL("no page");
}
static void check_untouched(const char *by) {
    static struct st_page now;
    if (!st_look(getpid(), -1, &now)) FAIL("no page");
    if (memcmp(&before, &now, sizeof now)) FAIL("the page was changed by %s", by);
}
// What a child does: another connection elsewhere, one expiry of what it inherited, which it closes.
static void work(void) {
    int end, made = dial(other_listener, &other, &end);
    char byte;
    CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
    const struct st_page *page = st_own_page();
    const struct st_destination *inherited = st_to(page, &at), *own = st_to(page, &other);
    CHECK_GAUGES(inherited, 1, 0, 1);
    CHECK_EQ(inherited->connections, 0);
    CHECK_WAITS(inherited, ST_READ, .ended = 1, .expired = 1);
    CHECK_WAITS(inherited, ST_CONNECT, 0);
    CHECK_GAUGES(own, 1, 0, 0);
    CHECK_WAITS(own, ST_CONNECT, .ended = 1);
    CHECK_EQ(st_places(page), 2);
    CHECK_EQ(page->expiries, 1);
    close(fd);
    close(made);
    page = st_own_page();
    CHECK_GAUGES(st_to(page, &at), 0, 0, 0);
    CHECK_GAUGES(st_to(page, &other), 0, 0, 0);
    CHECK_WAITS(st_to(page, &at), ST_LIFETIME, .ended = 1);
    CHECK_WAITS(st_to(page, &at), ST_RESPONSE, .abandoned = 1);
}
static void *work_in_a_thread(void *argument) {
    (void)argument;
    int end, made = dial(other_listener, &other, &end);
    close(made);
    nd_raw_close(end);
    return NULL;
}
static int borrower(void *argument) {
    (void)argument;
    close(fd);
    socket(AF_INET, SOCK_STREAM, 0);
    int made = socket(AF_INET, SOCK_STREAM, 0);
    connect(made, (struct sockaddr *)&other, sizeof other);
    char byte = 0;
    send(made, &byte, 1, MSG_NOSIGNAL);
    close(made);
    _exit(0);
}

int main(int count, char **arguments) {
    int status;
    if (count == 2) {
        // Executed under the number of a process that had a page.
        listener = st_listener(2, 8, &at);
        fd = dial(listener, &at, &peer);
        CHECK(st_look(getpid(), 1, &before) && !st_look(getpid(), 2, &before));
        CHECK(st_look(getpid(), 0, &before) && before.pid == (uint64_t)getpid());
        return 0;
    }
    st_begin(arguments);
    listener = st_listener(2, 8, &at);
    other_listener = st_listener(3, 32, &other);
    fd = dial(listener, &at, &peer);
    CHECK_EQ(send(fd, "a", 1, MSG_NOSIGNAL), 1);
    remember();

    pid_t child = fork();
    if (!child) {
        work();
        pid_t parent = getpid(), grandchild = fork();
        if (!grandchild) {
            // A daemon's second fork: what it inherited is closed already, so there is nothing to take over.
            setsid();
            work_in_a_thread(NULL);
            CHECK(parent != getpid());
            CHECK_EQ(st_to(st_own_page(), &other)->connections, 1);
            CHECK_EQ(st_places(st_own_page()), 1);
            _exit(0);
        }
        remember();
        CHECK_CHILD_OK(grandchild, 5 * SEC);
        check_untouched("a grandchild");
        _exit(0);
    }
    CHECK_CHILD_OK(child, 5 * SEC);
    check_untouched("a child");

    // Threads of a child that come at once share one page.
    int files = st_files();
    if (!(child = fork())) {
        struct nd_thread threads[8];
        for (int i = 0; i < 8; i++) threads[i] = nd_start(work_in_a_thread, NULL);
        for (int i = 0; i < 8; i++) nd_join(threads[i], 5 * SEC);
        const struct st_page *page = st_own_page();
        uint64_t made = 0;
        for (int i = 0; i < ST_DESTINATIONS; i++) {
            made += page->destinations[i].connections;
            CHECK_EQ(page->destinations[i].connecting, 0);
        }
        CHECK_EQ(made, 8);
        CHECK_GAUGES(st_to(page, &at), 1, 0, 1);
        _exit(0);
    }
    CHECK_CHILD_OK(child, 5 * SEC);
    CHECK_EQ(st_files(), files + 1);
    check_untouched("a child's threads");

    if (!(child = fork())) {
        close(fd);
        _exit(0);
    }
    CHECK_CHILD_OK(child, 5 * SEC);
    CHECK_EQ(st_files(), files + 1);
    check_untouched("a child that closes");

    child = vfork();
    if (!child) borrower(NULL);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(st_files(), files + 1);
    check_untouched("a vfork child");
    static char stack[65536] __attribute__((aligned(64)));
    child = MUST(clone(borrower, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(st_files(), files + 1);
    check_untouched("a clone with our memory");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addclose(&actions, fd);
    char *again[] = {"true", NULL};
    CHECK_EQ(posix_spawn(&child, "/bin/true", &actions, NULL, again, environ), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(st_files(), files + 1);
    check_untouched("posix_spawn");

    // The parent itself goes on in its page.
    close(fd);
    CHECK_GAUGES(st_to(st_own_page(), &at), 0, 0, 0);
    CHECK_WAITS(st_to(st_own_page(), &at), ST_LIFETIME, .ended = 1);
    char *next[] = {arguments[0], "again", NULL};
    MUST(execv("/proc/self/exe", next));
    return 1;
}
