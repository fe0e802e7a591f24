/* Prints what a program inherits, one fact a line, after doing to itself what its options say; then executes the rest.
 *
 * -p ignore SIGPIPE   -b block SIGUSR1 and SIGTERM   -c N close fd N   -o N open /dev/null as fd N   -u umask 027
 * -e put an entry without `=` into the environment
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void state(void)
{
    char line[512], path[64], link[256];
    printf("pid %d, parent %d, group %d\n", (int)getpid(), (int)getppid(), (int)getpgrp());
    FILE *status = fopen("/proc/self/status", "re");
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "SigBlk", 6) || !strncmp(line, "SigIgn", 6) || !strncmp(line, "SigCgt", 6))
            fputs(line, stdout);
    if (status)
        fclose(status);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    mode_t mask = umask(0);
    umask(mask);
    printf("umask %o, files %lu, in %s\n", mask, (unsigned long)limit.rlim_cur, getcwd(link, sizeof link));
    DIR *fds = opendir("/proc/self/fd");
    for (int fd = 0; fds && fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t size = fd == dirfd(fds) ? -1 : readlink(path, link, sizeof link - 1);
        if (size < 0)
            continue;
        link[size] = 0;
        printf("fd %d %s%s\n", fd, link, fcntl(fd, F_GETFD) & FD_CLOEXEC ? " cloexec" : "");
    }
    if (fds)
        closedir(fds);
    for (char **entry = environ; *entry; entry++)
        if (!strchr(*entry, '='))
            printf("odd entry %s\n", *entry);
}

int main(int argc, char **argv)
{
    sigset_t set;
    int option, opened, odd = 0;
    char *name = argv[0];
    while ((option = getopt(argc, argv, "+pbuec:o:")) != -1)
        switch (option) {
        case 'p': signal(SIGPIPE, SIG_IGN); break;
        case 'b':
            sigemptyset(&set);
            sigaddset(&set, SIGUSR1);
            sigaddset(&set, SIGTERM);
            sigprocmask(SIG_BLOCK, &set, NULL);
            break;
        case 'u': umask(027); break;
        case 'e': odd = 1; break;
        case 'c': close(atoi(optarg)); break;
        case 'o':
            opened = open("/dev/null", O_RDONLY);
            dup2(opened, atoi(optarg));
            close(opened);
            break;
        default: return 2;
        }
    if (odd) {
        int count = 0;
        while (environ[count])
            count++;
        char **more = calloc(count + 2, sizeof *more);
        memcpy(more, environ, count * sizeof *more);
        more[count] = "NEITHER_NAME_NOR_VALUE";
        environ = more;
    }
    state();
    if (optind == argc) {
        printf("I am %s\n", name);
        return 7;
    }
    printf("---\n");
    fflush(stdout);
    execv(argv[optind], argv + optind);
    perror(argv[optind]);
    return 3;
}
