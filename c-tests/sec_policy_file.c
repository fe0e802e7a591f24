// The policy file must be an absolute path to a regular file of at most 1 MiB. A fifo does not hang the program, a directory,
// a device or a huge file is refused, and an error shows no more of the content than the offending word.
// Source: SECURITY 2.
//
// native: no
// log: no
#include "sec_spawn.h"
#include <sys/sysmacros.h>

static char directory[300];
static struct sec_said with_file(const char *name) {
    static char setting[600];
    char *again[] = {"child", "silent", NULL}, *settings[] = {setting, NULL};
    snprintf(setting, sizeof setting, "NETDEADLINE_CONFIG=%s%s%s", *name == '/' ? "" : directory, *name == '/' ? "" : "/",
             name);
    return sec_run(settings, again);
}
static void contains(const char *name, const char *text, size_t times) {
    FILE *file = fopen(name, "we");
    CHECK(file != NULL);
    for (size_t i = 0; i < times; i++) fputs(text, file);
    CHECK_EQ(fclose(file), 0);
}
#define CHECK_REFUSED(name)                                                                                            \
    do {                                                                                                               \
        struct sec_said said = with_file(name);                                                                        \
        CHECK_EXIT(said, SEC_FREE);                                                                                    \
        if (said.lines != 1 || !strstr(said.text, name)) FAIL("%s: %d lines: %s", name, said.lines, said.text);       \
    } while (0)

int main(int count, char **arguments) {
    (void)arguments;
    if (count == 2) return sec_silent_read();
    CHECK(getcwd(directory, sizeof directory) != NULL);
    contains("good", "# ours\nto 10.0.0.0/8 read=1h\nto * read=200ms\n", 1);
    struct sec_said said = with_file("good");
    CHECK_EXIT(said, SEC_BOUNDED);
    if (!strstr(said.text, "good:3")) FAIL("the record does not name file and line: %s", said.text);
    contains("almost", "# 64 bytes of comment, to make a file that is nearly too big ..\n", 16383);
    said = with_file("almost");
    CHECK_EXIT(said, SEC_FREE);
    CHECK_EQ(said.lines, 0);
    contains("empty", "", 1);
    said = with_file("empty");
    CHECK_EXIT(said, SEC_FREE);
    CHECK_EQ(said.lines, 0);

    MUST(mkfifo("fifo", 0600));
    CHECK_REFUSED("fifo");
    MUST(mkdir("folder", 0700));
    CHECK_REFUSED("folder");
    CHECK_REFUSED("/dev/zero");
    contains("huge", "to * read=200ms # a line of 64 bytes, far too many of them ....\n", 16385);
    CHECK_REFUSED("huge");
    contains("broken", "to * read=200ms\nroot:x:0:0:the-secret-part:/root\n", 1);
    said = with_file("broken");
    CHECK_EXIT(said, SEC_FREE);
    CHECK_EQ(said.lines, 1);
    if (!strstr(said.text, "broken:2") && !strstr(said.text, "broken, line 2") && !strstr(said.text, "line 2"))
        FAIL("no position: %s", said.text);
    contains("shadow", "root secret-hash 19000\n", 1);
    said = with_file("shadow");
    CHECK_EXIT(said, SEC_FREE);
    if (strstr(said.text, "secret-hash")) FAIL("more than the offending word: %s", said.text);
    contains("control", "\033[2Jred\007 x\n", 1);
    said = with_file("control");
    CHECK_EXIT(said, SEC_FREE);
    if (strchr(said.text, '\033') || strchr(said.text, '\007')) FAIL("control characters are not escaped");
    return 0;
}
