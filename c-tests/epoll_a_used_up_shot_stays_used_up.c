// A one-shot registration whose event has come is told of no deadline after it: not when its number is closed and a duplicate lives, and
// not when an older registration of another socket, which had the same number, is still in the set.
// Source: epoll(7), Q6 and EPOLLONESHOT; found by tests/chaos (a one shot told twice).
//
// env: none
// native: yes
#include "nb_wait.h"

struct end {
    int fd, peer;
};

static struct end timed(void) {
    int two[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, two));
    nd_set_timeout(two[0], SO_RCVTIMEO, 40 * MS);
    return (struct end){two[0], two[1]};
}

// Its shot is used up by a byte that nobody reads; then the byte is read, past the registered number: the deadline comes.
static void use_up(int set, struct end end, int reader) {
    char byte;
    CHECK_EQ(write(end.peer, "x", 1), 1);
    CHECK_EQ(nb_one(set, 1000, NULL), EPOLLIN);
    CHECK_EQ(read(reader, &byte, 1), 1);
    CHECK_ERRNO(read(reader, &byte, 1), EAGAIN);
}

static void by_a_closed_number(void) {
    int set = nb_set();
    struct end end = timed();
    int twin = MUST(dup(end.fd));
    nb_add(set, end.fd, EPOLLIN | EPOLLONESHOT);
    use_up(set, end, twin);
    MUST(close(end.fd));
    CHECK_EQ(nb_one(set, 200, NULL), 0);
    int all[] = {set, twin, end.peer};
    for (int i = 0; i < 3; i++) MUST(close(all[i]));
}

// Not used up, its number closed: its one event is the kernel's own (docs/limits.md: it has no deadline any more).
static void unused_and_closed(void) {
    int set = nb_set();
    struct end end = timed();
    int twin = MUST(dup(end.fd));
    nb_add(set, end.fd, EPOLLIN | EPOLLONESHOT);
    MUST(close(end.fd));
    CHECK_EQ(nb_one(set, 200, NULL), 0);
    CHECK_EQ(write(end.peer, "x", 1), 1);
    CHECK_EQ(nb_one(set, 1000, NULL), EPOLLIN);
    CHECK_EQ(nb_one(set, 200, NULL), 0);
    int all[] = {set, twin, end.peer};
    for (int i = 0; i < 3; i++) MUST(close(all[i]));
}

// The number of a registration that lives on by a duplicate comes to another socket, which is registered as well.
static void beside(struct end old, struct end new) {
    int set = nb_set(), twin = MUST(dup(old.fd)), reader = MUST(dup(new.fd));
    nd_set_timeout(twin, SO_RCVTIMEO, 0);
    nb_add(set, old.fd, EPOLLIN);
    CHECK_EQ(dup2(new.fd, old.fd), old.fd);
    MUST(close(new.fd));
    new.fd = old.fd;
    nb_add(set, new.fd, EPOLLIN | EPOLLONESHOT);
    use_up(set, new, reader);
    CHECK_EQ(nb_one(set, 150, NULL), 0);
    int all[] = {set, twin, reader, new.fd, old.peer, new.peer};
    for (int i = 0; i < 6; i++) MUST(close(all[i]));
}

int main(void) {
    by_a_closed_number();
    unused_and_closed();
    // Which of the two the kernel names first depends on where their files are in its memory.
    for (int i = 0; i < 8; i++) {
        struct end one = timed(), other = timed();
        beside(i % 2 ? one : other, i % 2 ? other : one);
    }
    return 0;
}
