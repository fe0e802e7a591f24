// A set that holds no socket with a deadline gets no hidden fd, and one that does loses it with the set: ten thousand sets later
// there are as many fds as before.
// Source: SEMANTICS "Non-blocking sockets" 2: only for sets that hold a managed fd.
//
// env: NETDEADLINE_READ=1h
// env: none PLAIN=1
#include "nb_wait.h"
#include <dirent.h>

static int count_fds(void) {
    DIR *all = opendir("/proc/self/fd");
    CHECK(all != NULL);
    int count = 0;
    while (readdir(all)) count++;
    closedir(all);
    return count;
}

int main(void) {
    int set = nb_set(), pipes[2];
    MUST(pipe(pipes));
    nb_add(set, pipes[0], EPOLLIN);
    CHECK_EQ(nb_one(set, 10, NULL), 0);
    CHECK_EQ(nb_timerfds(NULL), 0);
    struct nd_pair pair = nb_pair();
    nb_add(set, pair.client, EPOLLIN);
    CHECK_EQ(nb_one(set, 10, NULL), 0);
    CHECK_EQ(nb_timerfds(NULL), getenv("PLAIN") ? 0 : 1);
    int before = count_fds();
    for (int i = 0; i < 10000; i++) {
        int other = nb_set();
        nb_add(other, pair.client, EPOLLIN);
        if (i % 100 == 0) CHECK_EQ(nb_one(other, 0, NULL), 0);
        MUST(close(other));
    }
    CHECK_EQ(count_fds(), before);
    return 0;
}
