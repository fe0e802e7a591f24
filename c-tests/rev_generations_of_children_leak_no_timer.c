// A child that forks and goes on with its own sets does not carry the timers of all its ancestors.
// Source: SEMANTICS "Non-blocking sockets" 2: "forked children drop it and make their own".
//
// env: NETDEADLINE_READ=30s
// cap: 15
#include "nb_wait.h"
#include <dirent.h>

static int timers(void) {
    int count = 0;
    for (int fd = 3; fd < 9000; fd++) {
        char path[64], target[64] = {0};
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        if (readlink(path, target, sizeof target - 1) > 0 && strstr(target, "timerfd")) count++;
    }
    return count;
}
int main(void) {
    struct nd_pair pair = nb_pair();
    int set = nb_set();
    nb_add(set, pair.client, EPOLLIN);
    CHECK_EQ(nb_one(set, 10, NULL), 0);
    fprintf(stderr, "first: %d timers\n", timers());
    for (int generation = 0; generation < 10; generation++) {
        pid_t child = MUST(fork());
        if (child) {
            int status;
            MUST(waitpid(child, &status, 0));
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
        }
        // As a daemon does: the parent's set is closed and one of its own is made.
        close(set);
        set = nb_set();
        nb_add(set, pair.client, EPOLLIN);
        CHECK_EQ(nb_one(set, 10, NULL), 0);
    }
    fprintf(stderr, "tenth: %d timers\n", timers());
    CHECK(timers() <= 2);
    return 0;
}
