// close() of the last number of a socket frees its address at once: no other thread may hold a reference to it meanwhile, as one does
// that asks getsockopt of numbers that are not its own (op/fds.rs, share_with_doubles, called for SO_RCVTIMEO of another socket).
// cc -O2 -pthread close_is_late.c; LD_PRELOAD=libnetdeadline.so ./a.out 8        31 of 123,726 rounds; natively and at 88698cd none
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static volatile int over;
static void *others(void *of) {
    (void)of;
    struct timeval t = {.tv_usec = 40000};
    while (!over) {
        int two[2];
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, two);
        setsockopt(two[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
        close(two[0]); close(two[1]);
    }
    return NULL;
}
int main(int n, char **v) {
    pthread_t thread[3];
    for (int i = 0; i < 3; i++) pthread_create(&thread[i], NULL, others, NULL);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(34567)};
    long rounds = 0, bad = 0;
    for (time_t end = time(NULL) + atoi(n > 1 ? v[1] : "5"); time(NULL) < end; rounds++) {
        int s = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(s, (void *)&a, sizeof a)) bad++;
        else listen(s, 5);
        int d = dup(s);
        close(s); close(d);
    }
    over = 1;
    for (int i = 0; i < 3; i++) pthread_join(thread[i], NULL);
    printf("%ld rounds, %ld times EADDRINUSE%s\n", rounds, bad, bad ? "   <-- must be none" : "");
    return bad != 0;
}
