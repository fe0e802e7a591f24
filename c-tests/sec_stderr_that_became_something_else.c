// A daemon that closed its stderr and opened a socket or a file in its place never finds our line in it; a duplicate of the
// same stderr is still written to. No copy of stderr is kept: its reader sees the end when the program closes it.
// Source: SECURITY 4.
//
// native: no
// log: no
#include "sec_spawn.h"

static int expire(void) {
    struct nd_pair pair = nd_tcp_pair();
    char byte;
    errno = 0;
    return read(pair.client, &byte, 1) == -1 && errno == ETIMEDOUT ? 0 : 51;
}
static int as_child(const char *how) {
    char bytes[512];
    int ends[2], failed;
    MUST(-nd_raw(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, (long)ends, 0, 0));
    if (!strcmp(how, "same")) return expire();
    if (!strcmp(how, "moved")) {
        int copy = MUST(dup(2));
        MUST(close(2));
        CHECK_EQ(dup(copy), 2);
        return expire();
    }
    if (!strcmp(how, "closed")) {
        MUST(close(1));
        MUST(close(2));
        return expire();
    }
    if (!strcmp(how, "end")) {
        nd_raw_close(1);
        nd_raw_close(2);
        nd_sleep(2500 * MS);
        return 0;
    }
    if (!strcmp(how, "file")) {
        struct stat info;
        MUST(close(2));
        CHECK_EQ(open("database", O_RDWR | O_CREAT | O_TRUNC, 0600), 2);
        failed = expire();
        MUST(fstat(2, &info));
        return failed ? failed : info.st_size ? 52 : 0;
    }
    // "socket" by the library's eyes, "unseen" behind them.
    if (!strcmp(how, "socket")) MUST(dup2(ends[0], 2));
    else nd_raw(SYS_dup2, ends[0], 2, 0, 0, 0, 0);
    failed = expire();
    return failed ? failed : nd_raw_read(ends[1], bytes, sizeof bytes) > 0 ? 53 : 0;
}

int main(int count, char **arguments) {
    if (count == 2) return as_child(arguments[1]);
    static const struct {
        char *how;
        int lines;
    } cases[] = {{"same", 1}, {"moved", 1}, {"closed", 0}, {"file", 0}, {"socket", 0}, {"unseen", 0}};
    char *settings[] = {"NETDEADLINE_READ=200ms", NULL};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *again[] = {"child", cases[i].how, NULL};
        struct sec_said said = sec_run(settings, again);
        if (said.status) FAIL("%s: status 0x%x: %s", cases[i].how, (unsigned)said.status, said.text);
        if (said.lines != cases[i].lines) FAIL("%s: %d lines: %s", cases[i].how, said.lines, said.text);
    }
    // The reader's end comes when the child closes, not when it ends.
    int ends[2];
    MUST(pipe(ends));
    pid_t child = fork();
    if (!child) {
        nd_raw(SYS_dup2, ends[1], 1, 0, 0, 0, 0);
        nd_raw(SYS_dup2, ends[1], 2, 0, 0, 0, 0);
        nd_raw_close(ends[0]);
        nd_raw_close(ends[1]);
        char preload[600], *environment[] = {preload, "NETDEADLINE_READ=200ms", NULL}, *again[] = {"child", "end", NULL};
        snprintf(preload, sizeof preload, "LD_PRELOAD=%s", getenv("ND_TEST_LIB"));
        nd_raw(SYS_execve, (long)"/proc/self/exe", (long)again, (long)environment, 0, 0, 0);
        _exit(127);
    }
    nd_raw_close(ends[1]);
    char byte;
    CHECK_EQ(nd_raw_read(ends[0], &byte, 1), 0);
    CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
    CHECK_CHILD_OK(child, 8 * SEC);
    return 0;
}
