// Where no page can be made the program goes on as without: its deadlines hold, no descriptor is left open, no signal arrives, nothing
// is left in the directory, and the log has one line that says why, once in the process.
// Source: SECURITY 4, 5; src/engine/evidence/place.rs (Refusal).
//
// needs: root
// log: no
#include "sec_spawn.h"
#include "stats_page.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

static char directory[600];

static int descriptors(void) {
    int open = 0;
    for (int fd = 0; fd < 1024; fd++) open += nd_raw(SYS_fcntl, fd, F_GETFD, 0, 0, 0, 0) >= 0;
    return open;
}
// Several connections, one expiry; what this needs beside the library is made before the world gets narrow.
static int work(const char *how) {
    struct sockaddr_in at;
    char byte;
    int fds[4], taken[1100], last = 0;
    nd_listener(16, &at);
    for (int i = 0; i < 4; i++) fds[i] = MUST(socket(AF_INET, SOCK_STREAM, 0));
    if (!strcmp(how, "fsize")) MUST(setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, RLIM_INFINITY}));
    if (!strcmp(how, "some")) MUST(setrlimit(RLIMIT_FSIZE, &(struct rlimit){300000, RLIM_INFINITY}));
    if (!strcmp(how, "files")) {
        MUST(setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, 64}));
        while ((taken[last] = (int)nd_raw(SYS_dup, 2, 0, 0, 0, 0, 0)) >= 0) last++;
    }
    if (!strcmp(how, "one")) {
        // Room for the directory, none for the page.
        MUST(setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, 64}));
        while ((taken[last] = (int)nd_raw(SYS_dup, 2, 0, 0, 0, 0, 0)) >= 0) last++;
        nd_raw_close(taken[--last]);
    }
    if (!strcmp(how, "noproc")) MUST(mount("none", "/proc", "tmpfs", 0, NULL));
    if (!strcmp(how, "chroot")) MUST(chroot(".") | chdir("/"));
    if (!strcmp(how, "user")) MUST(nd_raw(SYS_setresuid, 65534, 65534, 65534, 0, 0, 0));
    if (!strcmp(how, "memory")) {
        // Room for the tables, and not for the page beside them.
        long pages = 0;
        FILE *file = fopen("/proc/self/statm", "re");
        CHECK(file && fscanf(file, "%ld", &pages) == 1);
        fclose(file);
        rlim_t bytes = (rlim_t)pages * 4096 + 350000;
        MUST(setrlimit(RLIMIT_AS, &(struct rlimit){bytes, bytes}));
    }
    int before = descriptors();
    for (int i = 0; i < 4; i++) {
        errno = 0;
        MUST(connect(fds[i], (struct sockaddr *)&at, sizeof at));
        if (i == 1) {
            int64_t start = nd_now();
            CHECK_ERRNO(recv(fds[i], &byte, 1, 0), ETIMEDOUT);
            CHECK_ENDED_AT(start, 50 * MS);
        }
        if (i & 1) close(fds[i]);
    }
    CHECK_EQ(descriptors(), before - 2);
    sigset_t pending;
    MUST(sigpending(&pending));
    CHECK(!sigismember(&pending, SIGXFSZ) && !sigismember(&pending, SIGPIPE));
    // A child tries anew, and says so itself.
    if (!strcmp(how, "fork")) {
        pid_t child = fork();
        if (!child) {
            close(nd_connect(&at));
            close(nd_connect(&at));
            _exit(0);
        }
        CHECK_CHILD_OK(child, 5 * SEC);
    }
    return 0;
}
static struct sec_said with(char *how) {
    static char setting[700];
    char *again[] = {"child", how, NULL};
    char *settings[] = {setting, "NETDEADLINE_RULES=to 127.0.0.0/24 read=50ms", "NETDEADLINE_LOG=stderr", NULL};
    snprintf(setting, sizeof setting, "NETDEADLINE_STATS=%s", directory);
    return sec_run(settings, again);
}
static int notes(const struct sec_said *said) {
    int count = 0;
    for (const char *at = said->text; (at = strstr(at, "no evidence page")); at++) count++;
    return count;
}
// `why`: what the one line says; NULL: there is a page after all.
static void check(char *how, const char *why, int files) {
    struct sec_said said = with(how);
    CHECK_EXIT(said, 0);
    if (notes(&said) != (why ? !strcmp(how, "fork") + 1 : 0) || (why && !strstr(said.text, why)))
        FAIL("%s in %s: not one line of \"%s\": %s", how, directory, why ? why : "", said.text);
    if (files >= 0) {
        setenv("NETDEADLINE_STATS", directory, 1);
        CHECK_EQ(st_files(), files);
    }
}

int main(int count, char **arguments) {
    static char top[300];
    if (count == 2) return work(arguments[1]);
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) SKIP("no mount namespace: %s", strerror(errno));
    CHECK(getcwd(top, sizeof top) != NULL);
    umask(0);
#define AT(name) snprintf(directory, sizeof directory, "%s/%s", top, name)
    AT("fine");
    check("plain", NULL, 1);
    check("plain", NULL, 2);
    check("files", "the directory is not there", 2);
    check("one", "/proc/self/stat cannot be read", 2);
    check("fsize", "no room", 2);
    check("some", "no room", 2);
    check("memory", "cannot be made there", 2);
    check("user", "expected a directory of this user", 2);
    check("fork", NULL, 4);
    AT("none/such");
    check("plain", "the directory is not there", -1);
    check("fork", "the directory is not there", -1);
    AT("open");
    MUST(mkdir(directory, 0755));
    check("plain", "expected a directory of this user with mode 0700", 0);
    AT("group");
    MUST(mkdir(directory, 0710));
    check("plain", "mode 0700", 0);
    AT("theirs");
    MUST(mkdir(directory, 0700));
    MUST(chown(directory, 65534, 65534));
    check("plain", "mode 0700", 0);
    AT("link");
    MUST(symlink("fine", directory));
    check("plain", "mode 0700", 4);
    AT("file");
    nd_raw_close(MUST(open(directory, O_CREAT | O_WRONLY, 0600)));
    check("plain", "mode 0700", -1);
    AT("fifo");
    MUST(mkfifo(directory, 0600));
    check("plain", "mode 0700", -1);
    AT("small");
    MUST(mkdir(directory, 0700));
    MUST(mount("none", directory, "tmpfs", 0, "size=200k,mode=0700"));
    check("plain", "no room", 0);
    MUST(mount("none", directory, "tmpfs", 0, "size=1m,mode=0700"));
    check("plain", NULL, 1);
    check("plain", NULL, 2);
    check("plain", "no room", 2);
    MUST(mount("none", directory, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=1m,mode=0700"));
    check("plain", "cannot be made there", 2);
    AT("inodes");
    MUST(mkdir(directory, 0700));
    MUST(mount("none", directory, "tmpfs", 0, "nr_inodes=2,mode=0700"));
    check("plain", NULL, 1);
    check("plain", "cannot be made there", 1);
    // Where nothing can be promised to be there.
    AT("memory");
    MUST(mkdir(directory, 0700));
    MUST(mount("none", directory, "ramfs", 0, "mode=0700"));
    check("plain", "cannot be made there", 0);
    // Without /proc, and in a root that has neither the directory nor anything else.
    AT("fine");
    MUST(mkdir("root", 0700));
    MUST(chdir("root"));
    check("chroot", "the directory is not there", 4);
    MUST(chdir(top));
    check("noproc", "/proc/self/stat cannot be read", 4);
    return 0;
}
