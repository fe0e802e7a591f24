// Every exec finds the child its policy: each function with more arguments than registers, an environment of thousands, none
// at all, a library that LD_PRELOAD names by $LIB, a program found in PATH, a list of several libraries. What is no program
// fails as ever, at once: a FIFO is not waited for.
// Source: SEMANTICS "fds and processes", exec; execve(2), exec(3).
//
// env: NETDEADLINE_READ=300ms
#include "sec_spawn.h"
#include <spawn.h>

extern char **environ;
extern int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags);

enum { COVERED = 10, BARE = 11, WRONG = 12 };

// Is the library loaded here, and has it something to go by?
static bool covered(void) {
    char line[4096];
    bool loaded = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps)) loaded |= strstr(line, "libnetdeadline") != NULL;
    if (maps) fclose(maps);
    return loaded && getenv("NETDEADLINE_READ") && !strcmp(getenv("NETDEADLINE_READ"), "300ms");
}
static int as_child(int count, char **arguments) {
    // The arguments are a row of letters.
    for (int i = 1; i < count; i++)
        if (arguments[i][0] != 'a' + i - 1 || arguments[i][1]) return WRONG;
    return covered() ? COVERED : BARE;
}

static char self[4096];
static char *letters[] = {self, "a", "b", "c", "d", "e", "f", "g", "h", NULL};
static char **given;

static void by_execl(void) { execl(self, self, "a", "b", "c", "d", "e", "f", "g", "h", (char *)NULL); }
static void by_execl_short(void) { execl(self, self, (char *)NULL); }
static void by_execl_of_five(void) { execl(self, self, "a", "b", "c", "d", (char *)NULL); }
static void by_execlp(void) { execlp("door_self", self, "a", "b", "c", "d", "e", "f", "g", "h", (char *)NULL); }
static void by_execle(void) { execle(self, self, "a", "b", "c", "d", "e", "f", "g", "h", (char *)NULL, given); }
static void by_execle_short(void) { execle(self, self, "a", (char *)NULL, given); }
static void by_execv(void) { execv(self, letters); }
static void by_execvp(void) { execvp("door_self", letters); }
static void by_execve(void) { execve(self, letters, given); }
static void by_execveat(void) {
    char *slash = strrchr(self, '/');
    *slash = 0;
    int directory = open(self, O_PATH | O_DIRECTORY);
    execveat(directory, slash + 1, letters, given, 0);
}
static void by_execveat_of_a_file(void) { execveat(open(self, O_PATH), "", letters, given, AT_EMPTY_PATH); }
static void by_fexecve(void) { fexecve(open(self, O_RDONLY | O_CLOEXEC), letters, given); }
static void by_number(void) { syscall(SYS_execve, self, letters, given); }
static void by_posix_spawnp(void) {
    pid_t child;
    if (posix_spawnp(&child, "door_self", NULL, NULL, letters, given)) _exit(WRONG);
    int status = nd_reap(child, 5 * SEC);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : WRONG);
}
static const struct {
    const char *name;
    void (*run)(void);
} ways[] = {{"execl", by_execl},
            {"execl without arguments", by_execl_short},
            {"execl with the registers full", by_execl_of_five},
            {"execlp", by_execlp},
            {"execle", by_execle},
            {"execle, one argument", by_execle_short},
            {"execv", by_execv},
            {"execvp", by_execvp},
            {"execve", by_execve},
            {"execveat", by_execveat},
            {"execveat of a file", by_execveat_of_a_file},
            {"fexecve", by_fexecve},
            {"syscall", by_number},
            {"posix_spawnp", by_posix_spawnp}};

static void run_all(const char *what) {
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        pid_t child = fork();
        if (!child) {
            environ = given;
            ways[i].run();
            _exit(99);
        }
        int status = nd_reap(child, 8 * SEC);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != COVERED)
            FAIL("%s with %s: status 0x%x", ways[i].name, what, (unsigned)status);
    }
}

int main(int count, char **arguments) {
    if (getenv("DOOR_CHILD") || count > 1 || !getenv("ND_TEST_SHIM")) return as_child(count, arguments);
    CHECK(covered());
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    CHECK(length > 0);
    CHECK_EQ(symlink(self, "door_self"), 0);
    char path[4200] = "PATH=";
    CHECK(getcwd(path + 5, sizeof path - 5) != NULL);
    CHECK_EQ(setenv("PATH", path + 5, 1), 0);

    // PATH is the searcher's own, so what is given has it too.
    char *only_path[] = {path, "DOOR_CHILD=1", NULL};
    given = only_path;
    run_all("an empty environment");

    static char texts[5000][16], *many[5003];
    for (int i = 0; i < 5000; i++) {
        snprintf(texts[i], sizeof texts[i], "V%d=%d", i, i);
        many[i] = texts[i];
    }
    many[5000] = path;
    many[5001] = "DOOR_CHILD=1";
    given = many;
    run_all("an environment of 5002");

    char list[4400];
    snprintf(list, sizeof list, "LD_PRELOAD=libdl.so.2 %s:libm.so.6", getenv("ND_TEST_LIB"));
    char *several[] = {path, list, "DOOR_CHILD=1", NULL};
    given = several;
    run_all("a list of several");

    // No environment at all, which Linux takes for an empty one.
    pid_t child = fork();
    if (!child) {
        environ = NULL;
        execv(self, letters);
        _exit(99);
    }
    int status = nd_reap(child, 5 * SEC);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), COVERED);

    CHECK_EQ(mkfifo("fifo", 0700), 0);
    int64_t start = nd_now();
    CHECK_ERRNO(execv("fifo", letters), EACCES);
    CHECK_ERRNO(execv("nowhere", letters), ENOENT);
    CHECK_AT_ONCE(start, SEC);
    return 0;
}
