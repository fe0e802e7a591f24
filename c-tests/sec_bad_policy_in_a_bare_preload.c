// A typo in a variable must not kill every child of a shell: a bare preload says one line, which names the variable, the
// position, what was read and what was expected, and stays inert. The program's exit status is its own.
// Source: SEMANTICS "Policy text", last paragraphs.
//
// native: no
// log: no
#include "sec_spawn.h"

int main(int count, char **arguments) {
    (void)arguments;
    if (count == 2) return sec_silent_read();
    static const struct {
        char *setting;
        const char *named, *found;
    } bad[] = {
        {"NETDEADLINE_READ=5parsecs", "NETDEADLINE_READ", "parsecs"},
        {"NETDEADLINE_CONNECT=-3s", "NETDEADLINE_CONNECT", "-3s"},
        {"NETDEADLINE_RULES=to * read=200ms; too * read=1s", "NETDEADLINE_RULES", "too"},
        {"NETDEADLINE_RULES=to 300.0.0.1 read=200ms", "NETDEADLINE_RULES", "300"},
        {"NETDEADLINE_CONFIG=relative/rules", "NETDEADLINE_CONFIG", "relative/rules"},
        {"NETDEADLINE_CONFIG=/nonexistent/rules", "NETDEADLINE_CONFIG", "/nonexistent/rules"},
        {"NETDEADLINE_MODE=obsevre", "NETDEADLINE_MODE", "obsevre"},
    };
    char *again[] = {"child", "silent", NULL};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        // A good one beside it, to see that everything is inert.
        char *settings[] = {bad[i].setting, "NETDEADLINE_LIFETIME=200ms", NULL};
        struct sec_said said = sec_run(settings, again);
        CHECK_EXIT(said, SEC_FREE);
        if (said.lines != 1) FAIL("%s: %d lines: %s", bad[i].setting, said.lines, said.text);
        if (strncmp(said.text, "netdeadline: ", 13)) FAIL("%s", said.text);
        if (!strstr(said.text, bad[i].named)) FAIL("%s is not named: %s", bad[i].named, said.text);
        if (!strstr(said.text, bad[i].found)) FAIL("%s is not shown: %s", bad[i].found, said.text);
    }
    char *good[] = {"NETDEADLINE_LIFETIME=200ms", NULL}, *none[] = {NULL};
    struct sec_said said = sec_run(good, again);
    CHECK_EXIT(said, SEC_BOUNDED);
    CHECK_EQ(said.lines, 1);
    said = sec_run(none, again);
    CHECK_EXIT(said, SEC_FREE);
    CHECK_EQ(said.size, 0);
    return 0;
}
