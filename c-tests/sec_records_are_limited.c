// However many sockets expire at once, stderr gets at most ten lines a second, and then how many more there were.
// Source: SEMANTICS "Evidence".
//
// native: no
// log: no
#include "sec_spawn.h"
#include "nd_calls.h"

enum { SOCKETS = 60 };
static int as_child(void) {
    static struct nd_made made[SOCKETS];
    struct nd_pair pairs[SOCKETS];
    for (int i = 0; i < SOCKETS; i++) pairs[i] = nd_tcp_pair();
    for (int i = 0; i < SOCKETS; i++) nd_make(&made[i], &nd_read_calls[0], pairs[i].client);
    for (int i = 0; i < SOCKETS; i++) {
        nd_made_wait(&made[i]);
        if (made[i].error != ETIMEDOUT) return 51;
    }
    nd_sleep(1300 * MS);
    char byte;
    return read(pairs[0].client, &byte, 1) == -1 && errno == ETIMEDOUT ? 0 : 52;
}

int main(int count, char **arguments) {
    (void)arguments;
    if (count == 2) return as_child();
    char *settings[] = {"NETDEADLINE_READ=500ms", NULL}, *again[] = {"child", "many", NULL};
    struct sec_said said = sec_run(settings, again);
    CHECK_EXIT(said, 0);
    // Ten in each second that the crowd may straddle, the late one, and the count.
    if (said.lines < 11 || said.lines > 23) FAIL("%d lines", said.lines);
    if (!strstr(said.text, " more")) FAIL("nobody said how many more there were: %s", said.text + said.size * 3 / 4);
    for (char *line = said.text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, "netdeadline: ", 13)) FAIL("a torn line: %.100s", line);
    return 0;
}
