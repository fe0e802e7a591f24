// The read clock of an accepted connection pauses until the answer is written; a thread that was polling for its next request
// all the while is bounded from then on.
// Source: SEMANTICS "Classes": "the read clock also pauses between a completed read and the next write".
//
// env: NETDEADLINE_RULES="on * read=400ms" HOW=poll
// env: NETDEADLINE_RULES="on * read=400ms" HOW=epoll
// env: NETDEADLINE_RULES="on * read=400ms" HOW=read
// cap: 12
#include "nb_wait.h"

static int fd;
static int64_t wrote;
static void *answer(void *argument) {
    (void)argument;
    nd_sleep(300 * MS);
    wrote = nd_now();
    CHECK_EQ(write(fd, "!", 1), 1);
    return NULL;
}
int main(void) {
    const char *how = getenv("HOW");
    struct sockaddr_in at;
    char byte;
    int listener = nd_listener(8, &at);
    int peer = (int)nd_raw(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0);
    MUST(-nd_raw(SYS_connect, peer, (long)&at, sizeof at, 0, 0, 0));
    fd = MUST(accept(listener, NULL, NULL));
    nd_raw_write(peer, "?", 1);
    CHECK_EQ(read(fd, &byte, 1), 1);
    struct nd_thread thread = nd_start(answer, NULL);
    if (!strcmp(how, "poll")) {
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        CHECK_EQ(poll(&entry, 1, 5000), 1);
    } else if (!strcmp(how, "epoll")) {
        int set = nb_set();
        nb_add(set, fd, EPOLLIN);
        CHECK_EQ(nb_one(set, 5000, NULL), EPOLLIN);
    } else {
        alarm(5);
    }
    CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
    CHECK_ENDED_AT(wrote, 400 * MS);
    nd_join(thread, SEC);
    return 0;
}
