// A parent in C that starts a program in every way libc has, and a child in C that reads from a silent peer.
//
//   starter report peer=ADDRESS:PORT      the child: one line of JSON
//   starter WAY[,WORD...] PROGRAM ARGS    the parent: the child's line, then one about its end
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
extern int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags);

static int report(const char *peer) {
    struct sockaddr_in to = {.sin_family = AF_INET};
    char host[32], byte;
    unsigned short port;
    if (sscanf(peer, "peer=%31[^:]:%hu", host, &port) != 2) return 2;
    to.sin_port = htons(port);
    inet_pton(AF_INET, host, &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) return 3;
    ssize_t got = read(fd, &byte, 1);
    printf("{\"Cut\":\"%s\",\"Pid\":%d}\n", got == 1 ? "data" : errno == ETIMEDOUT ? "cut" : strerror(errno), getpid());
    return 0;
}

// Kill whoever calls ptrace, as systemd's SystemCallFilter=@system-service does.
static void forbid_ptrace(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof code / sizeof *code, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) exit(4);
}

static const char *way;
static char **command, **environment;
// In the child, or in place. Comes back only if it failed.
static void execute(void) {
    const char *path = *command;
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    char folder[4096];
    snprintf(folder, sizeof folder, "%.*s", (int)(name > path ? name - path : 1), name > path ? path : ".");
    if (!strcmp(way, "execve")) execve(path, command, environment);
    if (!strcmp(way, "execv")) execv(path, command);
    if (!strcmp(way, "execvp")) execvp(name, command);
    if (!strcmp(way, "execvpe")) execvpe(name, command, environment);
    if (!strcmp(way, "execl")) execl(path, command[0], command[1], command[2], (char *)NULL);
    if (!strcmp(way, "execlp")) execlp(name, command[0], command[1], command[2], (char *)NULL);
    if (!strcmp(way, "execle")) execle(path, command[0], command[1], command[2], (char *)NULL, environment);
    if (!strcmp(way, "fexecve")) fexecve(open(path, O_RDONLY | O_CLOEXEC), command, environment);
    if (!strcmp(way, "fexecve-o-path")) fexecve(open(path, O_PATH | O_CLOEXEC), command, environment);
    if (!strcmp(way, "execveat")) execveat(open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), name, command, environment, 0);
    if (!strcmp(way, "execveat-empty")) execveat(open(path, O_PATH | O_CLOEXEC), "", command, environment, AT_EMPTY_PATH);
    if (!strcmp(way, "execveat-check") && !execveat(AT_FDCWD, path, command, environment, 0x10000)) _exit(0);
    if (!strcmp(way, "syscall")) syscall(SYS_execve, path, command, environment);
    if (!strcmp(way, "in-place")) execve(path, command, environment);
}
// A copy without a name: `inherited` is what it takes for the launcher to find it.
static void execute_unnamed(int inherited) {
    char buffer[65536];
    int from = open(*command, O_RDONLY | O_CLOEXEC), to = memfd_create("unnamed", inherited ? 0 : MFD_CLOEXEC);
    for (ssize_t n; (n = read(from, buffer, sizeof buffer)) > 0;)
        if (write(to, buffer, (size_t)n) != n) return;
    char again[64];
    snprintf(again, sizeof again, "/proc/self/fd/%d", to);
    int reading = open(again, O_RDONLY | (inherited ? 0 : O_CLOEXEC));
    close(to);
    fexecve(reading, command, environment);
}

int main(int count, char **arguments) {
    if (count == 3 && !strcmp(arguments[1], "report")) return report(arguments[2]);
    if (count < 3) return 2;
    static char *fresh[] = {"FRESH=yes", NULL};
    environment = environ;
    command = arguments + 2;
    way = strtok(arguments[1], ",");
    for (char *word; (word = strtok(NULL, ","));) {
        if (!strcmp(word, "fresh")) environment = fresh;
        if (!strcmp(word, "path")) {
            char path[4096];
            snprintf(path, sizeof path, "/nonexistent:%.*s:/bin", (int)(strrchr(*command, '/') - *command), *command);
            setenv("PATH", path, 1);
        }
        if (!strcmp(word, "undumpable")) prctl(PR_SET_DUMPABLE, 0);
        if (!strcmp(word, "no-new-privs")) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (!strcmp(word, "filter")) forbid_ptrace();
        if (!strcmp(word, "blocked")) {
            sigset_t set;
            sigemptyset(&set);
            sigaddset(&set, SIGUSR2);
            sigprocmask(SIG_BLOCK, &set, NULL);
            signal(SIGHUP, SIG_IGN);
        }
    }
    pid_t child = 0;
    int failed = 0, status;
    if (!strcmp(way, "posix_spawn"))
        failed = posix_spawn(&child, *command, NULL, NULL, command, environment);
    else if (!strcmp(way, "posix_spawnp"))
        failed = posix_spawnp(&child, strrchr(*command, '/') + 1, NULL, NULL, command, environment);
    else if (!strcmp(way, "in-place")) {
        execute();
        failed = errno;
    } else if (!strcmp(way, "vfork")) {
        if (!(child = vfork())) {
            execve(*command, command, environment);
            _exit(100 + errno);
        }
    } else if (!(child = fork())) {
        if (!strcmp(way, "unnamed") || !strcmp(way, "unnamed-inherited"))
            execute_unnamed(!strcmp(way, "unnamed-inherited"));
        else if (!strcmp(way, "traced"))
            ptrace(PTRACE_TRACEME, 0, 0, 0), execve(*command, command, environment);
        else
            execute();
        _exit(100 + errno);
    }
    char first[4096] = "";
    if (!failed && !strcmp(way, "traced")) {
        char link[64];
        waitpid(child, &status, 0);
        snprintf(link, sizeof link, "/proc/%d/exe", child);
        ssize_t n = readlink(link, first, sizeof first - 1);
        first[n > 0 ? n : 0] = 0;
        ptrace(PTRACE_DETACH, child, 0, 0);
    }
    if (failed) {
        printf("{\"Error\":\"%s\"}\n", strerror(failed));
        return 0;
    }
    waitpid(child, &status, 0);
    printf("{\"Pid\":%d,\"State\":\"%s %d\",\"First\":\"%s\"}\n", child, WIFEXITED(status) ? "exit status" : "signal",
           WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), first);
    return 0;
}
