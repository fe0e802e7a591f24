// Under /etc/ld.so.preload a setuid, setgid or file-capability program loads the library with an attacker's variables in
// sight: then no variable is read, no file opened, nothing printed, nothing bounded. The same program without the privilege
// is bounded, from the same file and by the same variables.
// Source: SECURITY 1.
//
// needs: root
// log: no
#include "sec_spawn.h"
#include <sched.h>
#include <sys/auxv.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/xattr.h>

static int as_child(void) {
    char line[512];
    bool loaded = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps)) loaded |= strstr(line, "/nd-lib.so") != NULL;
    if (!loaded) return 60;
    if (!getenv("NETDEADLINE_READ")) return 61;
    int result = sec_silent_read();
    return result ? result : getauxval(AT_SECURE) ? 0 : 62;
}
static void copy(const char *from, const char *to, mode_t mode) {
    static char block[65536];
    int in = MUST(open(from, O_RDONLY | O_CLOEXEC)), out = MUST(open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    for (ssize_t size; (size = read(in, block, sizeof block)) > 0;) CHECK_EQ(write(out, block, (size_t)size), size);
    MUST(fchmod(out, mode));
    close(in);
    close(out);
}
static int status_of(const char *binary, char *text, size_t room) {
    int ends[2];
    MUST(pipe(ends));
    pid_t child = fork();
    if (!child) {
        char *environment[] = {"NETDEADLINE_READ=200ms", "NETDEADLINE_LOG=/etc/nd-log", "NETDEADLINE_CONFIG=/etc/nd-rules",
                               "NETDEADLINE_STATS=/etc/nd-pages", "NETDEADLINE_LIFETIME=bad", NULL};
        if (strstr(binary, "plain")) environment[4] = NULL;
        char *again[] = {"child", "secure", NULL};
        dup2(ends[1], 1);
        dup2(ends[1], 2);
        close(ends[0]);
        if (setgid(65534) || setuid(65534)) _exit(63);
        execve(binary, again, environment);
        _exit(127);
    }
    close(ends[1]);
    size_t size = 0;
    for (long got; (got = nd_raw_read(ends[0], text + size, room - 1 - size)) > 0;) size += (size_t)got;
    text[size] = 0;
    close(ends[0]);
    return nd_reap(child, 10 * SEC);
}

int main(int count, char **arguments) {
    (void)arguments;
    static char text[8192];
    if (count == 2) return as_child();
    unsetenv("LD_PRELOAD");
    if (unshare(CLONE_NEWNS)) SKIP("no mount namespace: %s", strerror(errno));
    MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    MUST(mkdir("etc", 0755));
    MUST(mount("nd-etc", "etc", "tmpfs", 0, "mode=755"));
    copy("/etc/ld.so.cache", "etc/ld.so.cache", 0644);
    copy("/etc/passwd", "etc/passwd", 0644);
    copy(getenv("ND_TEST_LIB"), "etc/nd-lib.so", 0755);
    copy("/proc/self/exe", "etc/plain", 0755);
    copy("/proc/self/exe", "etc/setuid", 0755);
    MUST(chmod("etc/setuid", 04755));
    copy("/proc/self/exe", "etc/setgid", 0755);
    MUST(chown("etc/setgid", 0, 0));
    MUST(chmod("etc/setgid", 02755));
    copy("/proc/self/exe", "etc/capable", 0755);
    // CAP_NET_RAW, permitted and effective: struct vfs_cap_data, revision 2.
    const uint32_t capability[5] = {0x02000001, 1U << 13, 0, 0, 0};
    bool capable = setxattr("etc/capable", "security.capability", capability, sizeof capability, 0) == 0;
    FILE *rules = fopen("etc/nd-rules", "we");
    fputs("to * write=1h\n", rules);
    fclose(rules);
    MUST(chmod("etc/nd-rules", 0644));
    MUST(chmod("etc", 0777));
    MUST(mount("etc", "/etc", NULL, MS_MOVE, NULL));
    FILE *preload = fopen("/etc/ld.so.preload", "we");
    fputs("/etc/nd-lib.so\n", preload);
    fclose(preload);
    MUST(chmod("/etc/ld.so.preload", 0644));

    int status = status_of("/etc/plain", text, sizeof text);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != SEC_BOUNDED) FAIL("without privilege: 0x%x %s", (unsigned)status, text);
    CHECK_EQ(access("/etc/nd-log", F_OK), 0);
    MUST(unlink("/etc/nd-log"));
    CHECK_EQ(access("/etc/nd-pages", F_OK), 0);
    MUST(rename("/etc/nd-pages", "/etc/nd-pages-of-plain"));

    int watch = MUST(inotify_init1(IN_NONBLOCK));
    MUST(inotify_add_watch(watch, "/etc/nd-rules", IN_OPEN | IN_ACCESS));
    const char *privileged[] = {"/etc/setuid", "/etc/setgid", "/etc/capable"};
    for (int i = 0; i < (capable ? 3 : 2); i++) {
        status = status_of(privileged[i], text, sizeof text);
        if (status) FAIL("%s: status 0x%x %s", privileged[i], (unsigned)status, text);
        if (text[0]) FAIL("%s printed: %s", privileged[i], text);
        CHECK_ERRNO(access("/etc/nd-log", F_OK), ENOENT);
        CHECK_ERRNO(access("/etc/nd-pages", F_OK), ENOENT);
        if (nd_raw_read(watch, text, sizeof text) > 0) FAIL("%s opened the attacker's file", privileged[i]);
    }
    return 0;
}
