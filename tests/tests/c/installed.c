/* A reader's first program, as C and as C++: a read with a deadline, from a peer that says nothing. Prints the library's version
 * and how the read ended; with `maps`, what is mapped. */
#include <netdeadline.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int maps(void)
{
    char line[1024];
    FILE *file = fopen("/proc/self/maps", "r");
    if (file == NULL)
        return 1;
    while (fgets(line, sizeof line, file) != NULL)
        fputs(line, stdout);
    return fclose(file);
}

int main(int argc, char **argv)
{
    int pair[2];
    char byte, version[32];
    int64_t when;

    if (argc > 1 && strcmp(argv[1], "maps") == 0)
        return maps();
    /* A header of one version and a library of another: the reason for having both. */
    snprintf(version, sizeof version, "%d.%d.%d", ND_VERSION_MAJOR, ND_VERSION_MINOR, ND_VERSION_PATCH);
    if (strcmp(version, nd_version()) != 0) {
        printf("the header is of %s, the library of %s\n", version, nd_version());
        return 1;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return 1;
    when = nd_now() + INT64_C(100000000);
    if (nd_set_read_deadline(pair[0], when) != 0)
        return 1;
    /* The C library's own read, not nd_read: a linked program has it under its deadlines. */
    if (read(pair[0], &byte, 1) != -1 || errno != ETIMEDOUT) {
        printf("read: %s\n", strerror(errno));
        return 1;
    }
    if (nd_now() < when) {
        puts("early");
        return 1;
    }
    printf("%s ETIMEDOUT\n", version);
    return 0;
}
