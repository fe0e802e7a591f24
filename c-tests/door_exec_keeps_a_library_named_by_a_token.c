// LD_PRELOAD may name a library by $LIB, which the loader resolves per program: that entry stays in a child's list, and is
// what a child with an environment of its own gets.
// Source: ld.so(8), "Dynamic string tokens".
//
// env: NETDEADLINE_READ=300ms
#include "sec_spawn.h"
#include <link.h>

enum { STAGES = 3 };

static int seen(struct dl_phdr_info *info, size_t size, void *loaded) {
    (void)size;
    if (strstr(info->dlpi_name, "libnetdeadline")) *(bool *)loaded = true;
    return 0;
}

int main(int count, char **arguments) {
    char cwd[2048], target[4096], list[4096], *fresh[] = {NULL};
    CHECK(getcwd(cwd, sizeof cwd) != NULL);
    int stage = count > 1 ? atoi(arguments[1]) : 0;
    if (stage == 0) {
        // Wherever this machine's $LIB is.
        static const char *places[] = {"lib", "lib64", "lib/x86_64-linux-gnu"};
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            CHECK(mkdir(places[i], 0700) == 0);
            snprintf(target, sizeof target, "%s/libnetdeadline.so", places[i]);
            CHECK_EQ(symlink(getenv("ND_TEST_LIB"), target), 0);
        }
        snprintf(list, sizeof list, "LD_PRELOAD=%s/$LIB/libnetdeadline.so", cwd);
        char *environment[] = {list, "NETDEADLINE_READ=300ms", NULL}, *next[] = {"stage", "1", NULL};
        nd_raw(SYS_execve, (long)"/proc/self/exe", (long)next, (long)environment, 0, 0, 0);
        FAIL("execve");
    }
    bool loaded = false;
    dl_iterate_phdr(seen, &loaded);
    if (!loaded) FAIL("stage %d has no library; LD_PRELOAD is %s", stage, getenv("LD_PRELOAD") ? getenv("LD_PRELOAD") : "not set");
    if (stage == STAGES) return 0;
    char *next[] = {"stage", (char[]){(char)('1' + stage), 0}, NULL};
    extern char **environ;
    execve("/proc/self/exe", next, stage == 1 ? environ : fresh);
    FAIL("execve: %s", strerror(errno));
}
