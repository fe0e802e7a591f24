// Two threads that wait on one socket, one for data and one for room, each have their own deadline.
// Source: SEMANTICS "Sources": per description and direction.
//
// env: none
#include "nb_wait.h"

static void *for_room(void *argument) {
    int fd = *(int *)argument;
    int64_t start = nd_now();
    CHECK_ERRNO(write(fd, "x", 1), EAGAIN);
    struct pollfd entry = {.fd = fd, .events = POLLOUT};
    CHECK_EQ(poll(&entry, 1, 5000), 1);
    CHECK_EQ(entry.revents, POLLOUT);
    CHECK_ENDED_AT(start, 400 * MS);
    CHECK_ERRNO(write(fd, "x", 1), ETIMEDOUT);
    return NULL;
}

int main(void) {
    struct nd_pair pair = nb_full_pair();
    char byte;
    nd_set_timeout(pair.client, SO_RCVTIMEO, 200 * MS);
    nd_set_timeout(pair.client, SO_SNDTIMEO, 400 * MS);
    struct nd_thread thread = nd_start(for_room, &pair.client);
    struct pollfd entry = {.fd = pair.client, .events = POLLIN};
    int64_t start = nd_now();
    CHECK_EQ(poll(&entry, 1, 5000), 1);
    CHECK_EQ(entry.revents, POLLIN);
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    nd_join(thread, 5 * SEC);
    return 0;
}
