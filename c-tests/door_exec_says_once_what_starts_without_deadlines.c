// A program that starts without deadlines (32 bits, privileges) does so as ever, and the log names the reason once, however
// many there are; one that does not start at all is not spoken of, and neither is anything where there is no policy.
// Source: SECURITY 8; SEMANTICS "fds and processes", exec.
//
// env: NETDEADLINE_READ=300ms
// env: NETDEADLINE_MODE=observe
// needs: root
#include "nd_test.h"
#include <elf.h>
#include <spawn.h>
#include <sys/stat.h>

static int said(const char *words) {
    char line[4096];
    int count = 0;
    FILE *log = fopen(getenv("ND_TEST_LOG"), "re");
    while (log && fgets(line, sizeof line, log)) count += strstr(line, words) != NULL;
    if (log) fclose(log);
    return count;
}
static int start(const char *path) {
    pid_t child;
    int failed = posix_spawn(&child, path, NULL, NULL, (char *[]){"name", NULL}, (char *[]){NULL});
    return failed ? -failed : nd_reap(child, 5 * SEC);
}
static void copy(const char *from, const char *to, mode_t mode) {
    char buffer[65536];
    int in = MUST(open(from, O_RDONLY | O_CLOEXEC)), out = MUST(open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0700));
    for (ssize_t n; (n = read(in, buffer, sizeof buffer)) > 0;) CHECK_EQ(write(out, buffer, (size_t)n), n);
    close(in);
    close(out);
    // The owner first: it takes the bits away.
    MUST(chown(to, 65534, 65534));
    MUST(chmod(to, mode));
}

int main(void) {
    int once = getenv("NETDEADLINE_READ") != NULL;
    // No loader, no code: the kernel refuses it, but it is executable as far as anybody can know.
    Elf32_Ehdr header = {.e_type = ET_EXEC, .e_machine = EM_386, .e_ehsize = sizeof header};
    memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS32;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    int fd = MUST(open("short", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    CHECK_EQ(write(fd, &header, sizeof header), (ssize_t)sizeof header);
    close(fd);
    CHECK_EQ(start("./short"), -EACCES);
    CHECK_EQ(said("./short") + said("32-bit"), 0);
    MUST(chmod("short", 0700));
    for (int i = 0; i < 3; i++) CHECK_EQ(start("./short"), -ENOEXEC);
    CHECK_EQ(said("it is a 32-bit program"), once);

    copy("/bin/true", "setuid", 04755);
    copy("/bin/true", "setgid", 02755);
    for (int i = 0; i < 3; i++) CHECK_EQ(start("./setuid"), 0);
    CHECK_EQ(said("it has privileges that its caller has not"), once);
    CHECK_EQ(said("/setuid starts without deadlines"), once);
    CHECK_EQ(start("./setgid"), 0);
    CHECK_EQ(said("privileges"), once);
    return 0;
}
