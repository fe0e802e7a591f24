// exec and posix_spawn: which numbers another program gets, that they are what they were, and what a failure leaves. (execve(2), exec(3),
// fexecve(3), posix_spawn(3), system(3), popen(3), fcntl(2) on FD_CLOEXEC.) The other program is this one: `suite --child DOOR WHAT FD`.
#include "case.h"
#include "children.h"
#include "door.h"
#include "io.h"
#include "place.h"

#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static const char self[] = "/proc/self/exe";

// ---- The other program ----

static void uses(int fd) {
    struct pollfd one = {fd, POLLIN, 0};
    RET(call->poll(&one, 1, 5000));
    do_read(RECV, fd, 8, 0);
    do_write(SEND, fd, "child", MSG_NOSIGNAL);
    do_read(RECV, fd, 8, MSG_DONTWAIT);
    see("%s", fcntl(fd, F_GETFL) & O_NONBLOCK ? "nonblock" : "blocking");
}

// Every number that is open, but for the standard ones and the report.
static void lists(void) {
    static unsigned char is_open[1 << 16];
    DIR *listing = opendir("/proc/self/fd");
    int beyond = 0;
    for (struct dirent *entry; listing && (entry = readdir(listing));) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(listing) && fd > 2 && fd != REPORT) {
            fd < (int)sizeof is_open ? (void)(is_open[fd] = 1) : (void)beyond++;
        }
    }
    see("open=");
    for (int fd = 0; fd < (int)sizeof is_open; fd++) {
        if (is_open[fd]) {
            see("%d", fd);
        }
    }
    if (beyond || !listing) {
        see("beyond=%d", beyond);
    }
}

static void shows(int argc, char **argv) {
    for (int i = 4; i < argc; i++) {
        see("[%s]", argv[i]);
    }
    for (char **each = environ; *each; each++) {
        // What the operator's variables become is no matter of the kernel's.
        if (strncmp(*each, "SUITE_", 6) == 0) {
            see("%s", *each);
        }
    }
}

int run_child(int argc, char **argv) {
    if (argc < 5 || !(call = door_named(argv[2]))) {
        return 2;
    }
    alarm(15);
    line("%s", "");
    if (strcmp(argv[3], "use") == 0) {
        uses(atoi(argv[4]));
    } else if (strcmp(argv[3], "list") == 0) {
        lists();
    } else {
        shows(argc, argv);
    }
    return write(REPORT, so_far(), strlen(so_far())) < 0;
}

// ---- How it is executed ----

enum how { EXECVE, EXECV, EXECVP, EXECVPE, EXECL, EXECLP, EXECLE, FEXECVE, EXECVEAT, EXECVEAT_EMPTY, SPAWN, SPAWNP, VFORK_EXEC, HOWS };
static const char *const how_name[HOWS] = {"execve", "execv", "execvp", "execvpe", "execl", "execlp", "execle", "fexecve", "execveat",
                                           "execveat-empty", "posix_spawn", "posix_spawnp", "vfork"};

static char *values[] = {(char *)"SUITE_ONE=1", (char *)"SUITE_TWO=two words", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                         NULL, NULL, NULL, NULL, NULL};

// An environment of two values and of what loads the library, as a program that passes on what it does not know would make it.
static char **environment(void) {
    int n = 2;
    for (char **each = environ; *each && n < 15; each++) {
        if (strncmp(*each, "LD_PRELOAD=", 11) == 0 || strncmp(*each, "NETDEADLINE_", 12) == 0) {
            values[n++] = *each;
        }
    }
    values[n] = NULL;
    return values;
}

static int raw_execve(const char *path, char *const argv[], char *const env[]) { return (int)syscall(SYS_execve, path, argv, env); }

static void execute(enum how how, const char *path, char *const argv[]) {
    int at = open(path, O_PATH | O_CLOEXEC);
    char **env = environment(), **mine = environ;
    switch (how) {
        case EXECVE: call->raw ? raw_execve(path, argv, env) : execve(path, argv, env); break;
        case EXECVPE: execvpe(path, argv, env); break;
        case EXECLE: execle(path, argv[0], argv[1], argv[2], argv[3], argv[4], argv[5], NULL, env); break;
        case FEXECVE: fexecve(at, argv, env); break;
        case EXECVEAT: syscall(SYS_execveat, AT_FDCWD, path, argv, env, 0); break;
        case EXECVEAT_EMPTY: syscall(SYS_execveat, at, "", argv, env, AT_EMPTY_PATH); break;
        default:
            environ = env;
            switch (how) {
                case EXECVP: execvp(path, argv); break;
                case EXECL: execl(path, argv[0], argv[1], argv[2], argv[3], argv[4], argv[5], NULL); break;
                case EXECLP: execlp(path, argv[0], argv[1], argv[2], argv[3], argv[4], argv[5], NULL); break;
                default: execv(path, argv); break;
            }
            environ = mine;
    }
}

static void see_executed(enum how how, const char *what, int fd, posix_spawn_file_actions_t *more) {
    int ends[2];
    char number[16];
    char *argv[] = {(char *)"suite", (char *)"--child", (char *)call->name, (char *)what, number, (char *)"", NULL};
    pid_t child = -1;
    snprintf(number, sizeof number, "%d", fd);
    NEED(pipe2(ends, O_CLOEXEC) == 0);
    if (how == SPAWN || how == SPAWNP) {
        posix_spawn_file_actions_t own;
        posix_spawn_file_actions_init(&own);
        posix_spawn_file_actions_t *actions = more ? more : &own;
        posix_spawn_file_actions_adddup2(actions, ends[1], REPORT);
        int error = (how == SPAWN ? posix_spawn : posix_spawnp)(&child, self, actions, NULL, argv, environment());
        NEED(error == 0);
        posix_spawn_file_actions_destroy(&own);
    } else if (how == VFORK_EXEC) {
        char **env = environment();
        child = vfork();
        if (child == 0) {
            call->dup2(ends[1], REPORT);
            execve(self, argv, env);
            _exit(9);
        }
    } else {
        child = fork();
        if (child == 0) {
            call->dup2(ends[1], REPORT);
            execute(how, self, argv);
            _exit(9);
        }
    }
    see_report(child, ends);
}

CASE(an_inherited_socket) {
    static const enum kind kinds[] = {TCP4, TCP4_ACCEPTED, UDP6, UNIX_PATH, UNIX_SEQPACKET};
    for (int i = 0; i < 5; i++) {
        for (enum how how = 0; how < HOWS; how++) {
            // Each kind in both, each way in both: an execution takes its milliseconds.
            enum kind kind = kinds[i];
            for (enum mode mode = (i + (int)how) % 2, once = 0; !once; once = 1) {
                char answer[16] = "";
                line("%s %s %s", how_name[how], kind_name[kind], mode_name[mode]);
                struct two pair = two(kind, mode);
                put(pair.there, "abc");
                fcntl(pair.there, F_SETFD, FD_CLOEXEC);
                see_executed(how, "use", pair.here, NULL);
                NEED(recv(pair.there, answer, sizeof answer - 1, MSG_DONTWAIT) == 5);
                see("answer=%s", answer);
                put(pair.there, "def");
                struct pollfd one = {pair.here, POLLIN, 0};
                RET(call->poll(&one, 1, 5000));
                do_read(READ, pair.here, 8, 0);
                want("{" OK(1) " " OK(3) " buf=abc " OK(5) " " FAIL(EAGAIN) " buf=kept %s} status=0 answer=child " OK(1) " " OK(3) " buf=def",
                     mode_name[mode]);
            }
        }
    }
}

// Whether a number is closed is the number's own, by whichever call it was made so.
CASE(who_is_left_behind) {
    for (enum how how = 0; how < HOWS; how++) {
        line("%s", how_name[how]);
        struct place place;
        int stays = call->socket(AF_INET, SOCK_STREAM, 0), goes = call->socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), both[2], more[2];
        call->socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both);
        call->socketpair(AF_UNIX, SOCK_STREAM, 0, more);
        int kept = call->dup2(goes, 20), closed = call->dup3(stays, 21, O_CLOEXEC), low = call->fcntl(goes, F_DUPFD, 22);
        int high = call->fcntl(stays, F_DUPFD_CLOEXEC, 23), far = call->fcntl(goes, F_DUPFD, 1000);
        NEED(kept == 20 && closed == 21 && low == 22 && high == 23 && far == 1000);
        int listener = listening(TCP4, BLOCKING, 5, &place);
        NEED(fcntl(listener, F_SETFD, FD_CLOEXEC) == 0);
        int peer = dialled(TCP4, &place), taken = call->accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        NEED(fcntl(peer, F_SETFD, FD_CLOEXEC) == 0 && call->dup2(taken, 24) == 24);
        NEED(call->ioctl(more[0], FIOCLEX, 0) == 0 && call->ioctl(both[0], FIONCLEX, 0) == 0);
        NEED(call->close_range(25, 40, 0) == 0 && call->dup2(stays, 25) == 25 && call->close_range(25, 25, 4) == 0);
        struct epoll_event got[2];
        int set = call->epoll_create1(0), set_gone = call->epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event event = {.events = EPOLLIN};
        NEED(call->epoll_ctl(set, EPOLL_CTL_ADD, peer, &event) == 0 && call->epoll_ctl(set_gone, EPOLL_CTL_ADD, peer, &event) == 0);
        // Waited on: what a wait of ours needs is there.
        NEED(call->epoll_wait(set, got, 2, 0) == 0 && call->epoll_wait(set_gone, got, 2, 0) == 0);
        struct pollfd one = {taken, POLLIN, 0};
        NEED(call->poll(&one, 1, 0) == 0);
        char wanted[128];
        snprintf(wanted, sizeof wanted, "{open= %d %d %d %d 20 22 24 1000} status=0", stays, both[0], more[1], set);
        see_executed(how, "list", 0, NULL);
        call->close(1000);
        want("%s", wanted);
    }
}

// posix_spawn_file_actions_addclose(3) and its like, in their order.
CASE(file_actions) {
    for (enum how how = SPAWN; how <= SPAWNP; how++) {
        for (enum kind kind = TCP4; kind < KINDS; kind += 3) {
            posix_spawn_file_actions_t actions;
            char answer[16] = "";
            line("%s %s", how_name[how], kind_name[kind]);
            struct two pair = two(kind, BLOCKING);
            fcntl(pair.here, F_SETFD, FD_CLOEXEC);
            put(pair.there, "abc");
            posix_spawn_file_actions_init(&actions);
            posix_spawn_file_actions_addclose(&actions, pair.there);
            posix_spawn_file_actions_addopen(&actions, 31, "/dev/null", O_RDONLY, 0);
            posix_spawn_file_actions_adddup2(&actions, pair.here, 30);
            see_executed(how, "use", 30, &actions);
            NEED(recv(pair.there, answer, sizeof answer - 1, MSG_DONTWAIT) == 5);
            see_executed(how, "list", 0, &actions);
            posix_spawn_file_actions_destroy(&actions);
            put(pair.there, "def");
            do_read(READ, pair.here, 8, 0);
            want("{" OK(1) " " OK(3) " buf=abc " OK(5) " " FAIL(EAGAIN) " buf=kept blocking} status=0 {open= 30 31} status=0 " OK(3)
                 " buf=def");
        }
    }
}

CASE(arguments_and_environment) {
    for (enum how how = 0; how < HOWS; how++) {
        line("%s", how_name[how]);
        see_executed(how, "show", 12, NULL);
        want("{[12] [] SUITE_ONE=1 SUITE_TWO=two words} status=0");
    }
}

// ---- It fails, and nothing is lost ----

static const char *made(const char *name, const char *text, int mode) {
    int fd = open(scratch(name), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, (mode_t)mode) == 0);
    close(fd);
    return scratch(name);
}

CASE(programs_that_are_none) {
    static const struct {
        const char *name, *error;
    } none[] = {{"missing", "ENOENT"}, {"plain", "EACCES"}, {"empty", "ENOEXEC"}, {"script", "ENOENT"}, {".", "EACCES"},
                {"plain/x", "ENOTDIR"}, {"round", "ELOOP"}, {"unreadable", "EFAULT"}};
    for (enum how how = 0; how < HOWS; how++) {
        if (how == SPAWNP || how == VFORK_EXEC || how == FEXECVE || how == EXECVEAT_EMPTY || how == EXECVP || how == EXECVPE ||
            how == EXECLP) {
            // What they have of their own is asked below.
            continue;
        }
        for (int i = 0; i < 8; i++) {
            static char path[256];
            char *argv[] = {(char *)"x", NULL, NULL, NULL, NULL, NULL, NULL};
            made("plain", "text", 0600);
            made("empty", "", 0700);
            made("script", "#!/nowhere/at/all\n", 0700);
            NEED(symlink("round", scratch("round")) == 0);
            snprintf(path, sizeof path, "%s", scratch(none[i].name));
            line("%s %s", how_name[how], none[i].name);
            struct two pair = two(TCP4, BLOCKING), second = two(UNIX_STREAM, BLOCKING);
            fcntl(pair.here, F_SETFD, FD_CLOEXEC);
            const char *from = i == 7 ? memory(AT_ONE) : path;
            if (how == SPAWN) {
                pid_t child = -1;
                see("error=%s", i == 7 ? "EFAULT" : error_name(posix_spawn(&child, from, NULL, NULL, argv, environment())));
            } else {
                errno = UNTOUCHED;
                execute(how, from, argv);
                see("errno=%s", error_name(errno));
            }
            unlink(scratch("round"));
            put(pair.there, "abc");
            do_read(READ, pair.here, 8, 0);
            put(second.there, "def");
            do_read(READ, second.here, 8, 0);
            want("%s=%s " OK(3) " buf=abc " OK(3) " buf=def", how == SPAWN ? "error" : "errno", none[i].error);
        }
    }
}

// exec(3): by PATH, and a shell for what is no program.
CASE(by_the_path) {
    static const enum how by_path[] = {EXECVP, EXECVPE, EXECLP, SPAWNP};
    for (int i = 0; i < 4; i++) {
        char *argv[] = {(char *)"x", NULL, NULL, NULL, NULL, NULL, NULL};
        char before[4096];
        const char *path = getenv("PATH");
        snprintf(before, sizeof before, "%s", path ? path : "");
        NEED(setenv("PATH", scratch("."), 1) == 0);
        made("forbidden", "text", 0600);
        line("%s", how_name[by_path[i]]);
        pid_t child;
        if (by_path[i] == SPAWNP) {
            see("error=%s", error_name(posix_spawnp(&child, "nd-nowhere", NULL, NULL, argv, environment())));
            see("error=%s", error_name(posix_spawnp(&child, "forbidden", NULL, NULL, argv, environment())));
            want("error=ENOENT error=EACCES");
        } else {
            // The search is by the caller's own PATH, also where the program gets another environment.
            char **mine = environ;
            errno = UNTOUCHED;
            by_path[i] == EXECVP ? execvp("nd-nowhere", argv) : by_path[i] == EXECVPE ? execvpe("nd-nowhere", argv, values) :
                                                                execlp("nd-nowhere", "x", NULL);
            see("errno=%s", error_name(errno));
            errno = UNTOUCHED;
            by_path[i] == EXECVP ? execvp("forbidden", argv) : by_path[i] == EXECVPE ? execvpe("forbidden", argv, values) :
                                                               execlp("forbidden", "x", NULL);
            see("errno=%s", error_name(errno));
            environ = mine;
            want("errno=ENOENT errno=EACCES");
        }
        NEED(setenv("PATH", before, 1) == 0);
    }
}

// ---- Shells ----

CASE(shells) {
    char text[64] = "";
    line("%s", "");
    struct two pair = two(TCP4, BLOCKING);
    see("system=%x", (unsigned)system("exit 7"));
    FILE *from = popen("echo out", "r");
    NEED(from && fgets(text, sizeof text, from));
    text[strcspn(text, "\n")] = 0;
    see("popen=%s pclose=%x", text, (unsigned)pclose(from));
    // The shell has the socket at its number.
    char command[64];
    snprintf(command, sizeof command, "printf from-the-shell >&%d", pair.here);
    see("system=%x", (unsigned)system(command));
    see_left(pair.there);
    do_write(WRITE, pair.here, "mine", 0);
    see_left(pair.there);
    want("system=700 popen=out pclose=0 system=0 left=from-the-shell " OK(4) " left=mine");
}
