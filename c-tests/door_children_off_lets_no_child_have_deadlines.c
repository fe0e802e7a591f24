// NETDEADLINE_CHILDREN=off: this program has its deadlines and no program that it starts has any, however it is started, and
// other preloads stay in the list.
// Source: README and netdeadline.7, NETDEADLINE_CHILDREN.
//
// env: NETDEADLINE_READ=300ms NETDEADLINE_CHILDREN=off
#include "sec_spawn.h"

enum { LOADED = 10, FREE = 11, STRANGE = 12 };

static int as_child(void) {
    char line[4096];
    bool loaded = false, math = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps)) {
        loaded |= strstr(line, "libnetdeadline") != NULL;
        math |= strstr(line, "libm.so.6") != NULL;
    }
    return loaded ? LOADED : math ? FREE : STRANGE;
}
static int by_execv(char *self) {
    pid_t child = fork();
    if (!child) {
        char *arguments[] = {self, "child", NULL};
        execv(self, arguments);
        _exit(99);
    }
    return nd_reap(child, 5 * SEC);
}

int main(int count, char **arguments) {
    static char self[4096], command[4200], list[4200];
    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    if (count > 1 && !strcmp(arguments[1], "child")) return as_child();
    if (count == 1) {
        // Once more with other libraries around ours.
        snprintf(list, sizeof list, "libdl.so.2:%s libm.so.6", getenv("ND_TEST_LIB"));
        CHECK_EQ(setenv("LD_PRELOAD", list, 1), 0);
        char *next[] = {self, "program", NULL};
        extern char **environ;
        nd_raw(SYS_execve, (long)self, (long)next, (long)environ, 0, 0, 0);
        FAIL("execve");
    }
    CHECK_EQ(as_child(), LOADED);
    struct nd_pair pair = nd_tcp_pair();
    CHECK_READ_TIMES_OUT(pair.client, 300 * MS);
    int status = by_execv(self);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), FREE);
    snprintf(command, sizeof command, "exec %s child", self);
    status = system(command);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), FREE);
    status = pclose(popen(command, "r"));
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), FREE);
    return 0;
}
