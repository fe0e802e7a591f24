// With no variable set the preload adds nothing that a program can see: no descriptor, no thread, no output, no signal
// handler, no changed errno; silent peers are waited for.
// Source: SEMANTICS "Policy text": transparent but for source 2.
//
// native: yes
// env: none
// log: no
#include "fd_nd.h"
#include <dirent.h>

static int entries(const char *path) {
    DIR *directory = opendir(path);
    int count = 0;
    CHECK(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory));) count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}
static void *nothing(void *unused) { return unused; }

int main(void) {
    // 0, 1, 2 and the directory itself.
    CHECK_EQ(entries("/proc/self/fd"), 4);
    CHECK_EQ(entries("/proc/self/task"), 1);
    for (int number = 1; number < 32; number++) {
        struct sigaction action;
        if (number == SIGKILL || number == SIGSTOP) continue;
        MUST(sigaction(number, NULL, &action));
        CHECK(action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN);
    }
    struct stat before, after;
    MUST(fstat(2, &before));
    struct nd_pair pair = nd_tcp_pair();
    CHECK_READ_WAITS(pair.client, pair.peer, 1 * SEC);
    CHECK_EQ(write(pair.client, "x", 1), 1);
    CHECK_EQ(entries("/proc/self/fd"), 6);
    nd_join(nd_start(nothing, NULL), 5 * SEC);
    CHECK_EQ(entries("/proc/self/task"), 1);
    // The runner gives a file as stderr: it has not grown.
    MUST(fstat(2, &after));
    CHECK_EQ(before.st_size, 0);
    CHECK_EQ(after.st_size, 0);
    return 0;
}
