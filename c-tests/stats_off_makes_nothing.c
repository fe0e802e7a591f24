// Where NETDEADLINE_STATS is not set, or off, there is no page, no directory, and not one system call of it. `on` makes one in
// XDG_RUNTIME_DIR; a text that is none of these is said, and nothing is done.
// Source: issue 6 "no cost where it is off"; src/engine/evidence/place.rs.
//
// log: no
#include "sec_spawn.h"
#include "stats_page.h"

static char runtime[600], directory[700], preload_runtime[700];

// What a process does that has something to count.
static int work(void) {
    struct sockaddr_in at;
    int listener = nd_listener(4, &at), fd = nd_connect(&at), peer = nd_raw_accept(listener);
    char byte;
    CHECK_EQ(send(fd, "a", 1, MSG_NOSIGNAL), 1);
    CHECK_EQ(nd_raw_write(peer, "b", 1), 1);
    CHECK_EQ(read(fd, &byte, 1), 1);
    close(fd);
    return 0;
}
static struct sec_said with(char *stats) {
    static char *again[] = {"child", "work", NULL};
    char *settings[] = {"NETDEADLINE_RULES=to 127.0.0.0/24 read=1h", preload_runtime, stats, NULL};
    return sec_run(settings, again);
}

int main(int count, char **arguments) {
    struct stat info;
    char setting[800];
    (void)arguments;
    if (count == 2) return work();
    CHECK(getcwd(runtime, sizeof runtime) != NULL);
    snprintf(preload_runtime, sizeof preload_runtime, "XDG_RUNTIME_DIR=%s", runtime);
    snprintf(directory, sizeof directory, "%s/netdeadline", runtime);
    setenv("NETDEADLINE_STATS", directory, 1);
    char *const silent[] = {NULL, "NETDEADLINE_STATS=off", "NETDEADLINE_STATS="};
    for (int i = 0; i < 3; i++) {
        struct sec_said said = with(silent[i]);
        CHECK_EXIT(said, 0);
        CHECK_EQ(said.size, 0);
        CHECK_ERRNO(stat(directory, &info), ENOENT);
    }
    char *const bad[] = {"NETDEADLINE_STATS=yes", "NETDEADLINE_STATS=./here",
                         "NETDEADLINE_STATS=\033[2J", "NETDEADLINE_STATS=ON"};
    for (int i = 0; i < 4; i++) {
        struct sec_said said = with(bad[i]);
        CHECK_EXIT(said, 0);
        CHECK_EQ(said.lines, 1);
        CHECK(strstr(said.text, "NETDEADLINE_STATS") && strstr(said.text, "expected") && !strchr(said.text, '\033'));
        CHECK_ERRNO(stat(directory, &info), ENOENT);
    }
    struct sec_said said = with("NETDEADLINE_STATS=on");
    CHECK_EXIT(said, 0);
    CHECK_EQ(said.size, 0);
    MUST(stat(directory, &info));
    CHECK_EQ(info.st_mode, S_IFDIR | 0700);
    CHECK_EQ(st_files(), 1);
    snprintf(setting, sizeof setting, "NETDEADLINE_STATS=%s/pages", runtime);
    CHECK_EXIT(with(setting), 0);
    CHECK_EQ(st_files(), 1);
    setenv("NETDEADLINE_STATS", setting + strlen("NETDEADLINE_STATS="), 1);
    CHECK_EQ(st_files(), 1);
    return 0;
}
