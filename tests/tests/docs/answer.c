// Calls the function that the README shows on a connection to the port in the first argument, for the number of bytes in the
// second.
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int answer(int fd, char *to, size_t size);

int main(int argc, char **argv)
{
    struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(argc > 1 ? atoi(argv[1]) : 0) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t size = argc > 2 ? atoi(argv[2]) : 0;
    char bytes[64] = "";

    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (size >= sizeof(bytes) || connect(fd, (struct sockaddr *)&server, sizeof(server)) != 0)
        return 2;
    if (answer(fd, bytes, size) == 0)
        printf("%s\n", bytes);
    else
        puts(strerror(errno));
    return 0;
}
