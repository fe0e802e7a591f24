// Runs this very program again with another environment and gathers what it prints: for tests about what the library says
// and does when it starts.
//
// Not here: mount namespaces and privileges.
#ifndef SEC_SPAWN_H
#define SEC_SPAWN_H

#include "fd_nd.h"

struct sec_said {
    char text[16384];
    size_t size;
    int lines, status;
};

// `settings` (NAME=VALUE, NULL at the end) come on top of the library alone; stdout and stderr are gathered.
static ND_UNUSED struct sec_said sec_run(char *const *settings, char *const *arguments) {
    static struct sec_said said;
    char preload[600], *environment[32];
    int n = 0, ends[2];
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", getenv("ND_TEST_LIB"));
    environment[n++] = preload;
    environment[n++] = "ND_TEST_SHIM=1";
    for (; *settings && n < 31; settings++) environment[n++] = *settings;
    environment[n] = NULL;
    memset(&said, 0, sizeof said);
    MUST(-nd_raw(SYS_pipe2, (long)ends, 0, 0, 0, 0, 0));
    pid_t child = fork();
    if (!child) {
        nd_raw(SYS_dup2, ends[1], 1, 0, 0, 0, 0);
        nd_raw(SYS_dup2, ends[1], 2, 0, 0, 0, 0);
        nd_raw_close(ends[0]);
        nd_raw_close(ends[1]);
        nd_raw(SYS_execve, (long)"/proc/self/exe", (long)arguments, (long)environment, 0, 0, 0);
        nd_raw(SYS_exit_group, 127, 0, 0, 0, 0, 0);
    }
    nd_raw_close(ends[1]);
    long got;
    while (said.size + 1 < sizeof said.text &&
           (got = nd_raw_read(ends[0], said.text + said.size, sizeof said.text - 1 - said.size)) > 0)
        said.size += (size_t)got;
    nd_raw_close(ends[0]);
    said.status = nd_reap(child, 10 * SEC);
    for (size_t i = 0; i < said.size; i++) said.lines += said.text[i] == '\n';
    return said;
}
// In the child: with data at three times any deadline of these tests, is the read left alone?
static ND_UNUSED int sec_silent_read(void) {
    struct nd_pair pair = nd_tcp_pair();
    struct nd_later later;
    char byte;
    nd_sender_start(&later, pair.peer, 600 * MS);
    errno = 0;
    ssize_t got = read(pair.client, &byte, 1);
    int failed = errno;
    nd_join(later.thread, 5 * SEC);
    return got == 1 ? 0 : failed == ETIMEDOUT ? 40 : 41;
}
enum { SEC_FREE = 0, SEC_BOUNDED = 40 };
#define CHECK_EXIT(said, want)                                                                                         \
    do {                                                                                                               \
        int nd_status = (said).status;                                                                                 \
        if (!WIFEXITED(nd_status) || WEXITSTATUS(nd_status) != (want))                                                 \
            FAIL("the child ended with wait status 0x%x, not exit %d; it said: %s", (unsigned)nd_status, (int)(want),  \
                 (said).text);                                                                                         \
    } while (0)
#endif
