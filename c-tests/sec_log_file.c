// The log file is created 0600, appended to, never followed through a symbolic link, must be regular, and is not kept open.
// A fifo or a full disk does not hang or kill the program. Control characters in names do not reach it.
// Source: SECURITY 3, 4 (SIGXFSZ).
//
// native: no
// log: no
#include "sec_spawn.h"
#include <dirent.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static int descriptors(void) {
    DIR *list = opendir("/proc/self/fd");
    int count = 0;
    CHECK(list != NULL);
    for (struct dirent *entry; (entry = readdir(list));) count += entry->d_name[0] != '.';
    closedir(list);
    return count;
}
// One expiry with nothing left open; the name of the process is hostile.
static int expire(bool small_files) {
    struct rlimit none = {0, 0};
    prctl(PR_SET_NAME, "e\n\"\033[2J\\x", 0, 0, 0);
    if (small_files && setrlimit(RLIMIT_FSIZE, &none)) return 50;
    struct nd_pair pair = nd_tcp_pair();
    int before = descriptors();
    char byte;
    errno = 0;
    if (read(pair.client, &byte, 1) != -1 || errno != ETIMEDOUT) return 51;
    return descriptors() == before ? 0 : 52;
}
static char directory[300];
static struct sec_said log_to(const char *name, char *how) {
    static char setting[600];
    char *again[] = {"child", how, NULL};
    char *settings[] = {setting, "NETDEADLINE_READ=200ms", "NETDEADLINE_LOG_FORMAT=json", NULL};
    snprintf(setting, sizeof setting, "NETDEADLINE_LOG=%s/%s", directory, name);
    return sec_run(settings, again);
}
static size_t content(const char *name, char *text, size_t room) {
    int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return 0;
    long size = nd_raw_read(fd, text, room - 1);
    nd_raw_close(fd);
    text[size > 0 ? size : 0] = 0;
    return size > 0 ? (size_t)size : 0;
}

int main(int count, char **arguments) {
    static char text[8192];
    struct stat info;
    if (count == 2) return expire(!strcmp(arguments[1], "small"));
    CHECK(getcwd(directory, sizeof directory) != NULL);
    umask(0);
    struct sec_said said = log_to("log", "expire");
    CHECK_EXIT(said, 0);
    MUST(stat("log", &info));
    CHECK_EQ(info.st_mode, S_IFREG | 0600);
    size_t size = content("log", text, sizeof text);
    int lines = 0;
    for (size_t i = 0; i < size; i++) {
        lines += text[i] == '\n';
        if (text[i] != '\n' && ((unsigned char)text[i] < 32 || text[i] == 127)) FAIL("a control character: %s", text);
    }
    CHECK_EQ(lines, 1);
    CHECK_EXIT(log_to("log", "expire"), 0);
    size_t twice = content("log", text, sizeof text);
    CHECK(twice > size + 50);

    MUST(symlink("target", "link"));
    CHECK_EXIT(log_to("link", "expire"), 0);
    CHECK_ERRNO(stat("target", &info), ENOENT);
    int target = MUST(open("target", O_RDWR | O_CREAT, 0600));
    CHECK_EXIT(log_to("link", "expire"), 0);
    MUST(fstat(target, &info));
    CHECK_EQ(info.st_size, 0);

    MUST(mkfifo("fifo", 0600));
    CHECK_EXIT(log_to("fifo", "expire"), 0);
    int reader = MUST(open("fifo", O_RDONLY | O_NONBLOCK));
    CHECK_EXIT(log_to("fifo", "expire"), 0);
    CHECK(nd_raw_read(reader, text, sizeof text) <= 0);
    MUST(mkdir("folder", 0700));
    CHECK_EXIT(log_to("folder", "expire"), 0);
    CHECK_EXIT(log_to("no/such/folder", "expire"), 0);
    CHECK_EXIT(log_to("full", "small"), 0);
    return 0;
}
