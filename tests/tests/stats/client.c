/* client PORT PORT: seven questions to one that answers, five to one that does not; then it waits to be killed. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* 0 if there was an answer, else the errno. */
static int ask(const char *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((in_port_t)atoi(port))};
    int fd = socket(AF_INET, SOCK_STREAM, 0), error = 0;
    char byte = 'q';

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) || send(fd, &byte, 1, 0) != 1)
        exit(2);
    if (recv(fd, &byte, 1, 0) != 1)
        error = errno;
    close(fd);
    return error;
}

int main(int count, char **words)
{
    if (count != 3)
        return 1;
    for (int turn = 0; turn < 7; turn++)
        if (ask(words[1]))
            return 3;
    for (int turn = 0; turn < 5; turn++)
        if (ask(words[2]) != ETIMEDOUT)
            return 4;
    puts("done");
    fflush(stdout);
    for (;;)
        pause();
}
