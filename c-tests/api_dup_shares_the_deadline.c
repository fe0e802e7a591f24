// All numbers of one socket share its deadlines: set by one they hold for the others, also for one that waits already;
// they stay when the number they were set by is closed, and a number made later has them.
// Source: include/netdeadline.h, nd_set_read_deadline; SEMANTICS "fds and processes".
//
// api: yes
#include "api.h"

static int by_dup(int fd) { return MUST(dup(fd)); }
static int by_dup2(int fd) {
    int place = MUST(open("/dev/null", O_RDONLY | O_CLOEXEC));
    return MUST(dup2(fd, place));
}
static int by_fcntl(int fd) { return MUST(fcntl(fd, F_DUPFD_CLOEXEC, 100)); }
static int by_message(int fd) {
    int ends[2], got;
    char byte = 'f', room[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    CHECK_EQ(sendmsg(ends[0], &message, 0), 1);
    CHECK_EQ(recvmsg(ends[1], &message, MSG_CMSG_CLOEXEC), 1);
    memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof got);
    io_close(ends[0]);
    io_close(ends[1]);
    return got;
}

int main(void) {
    int (*const ways[])(int) = {by_dup, by_dup2, by_fcntl, by_message};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        for (enum api_kind kind = 0; kind < API_KINDS; kind++) {
            struct nd_pair pair = api_pair(kind);
            struct api_op op;
            int64_t reads, writes, far = nd_now() + 600 * SEC;
            char byte;
            // Before the copy is made, and after.
            CHECK_EQ(nd_set_write_deadline(pair.client, far), 0);
            int copy = ways[i](pair.client);
            CHECK(copy != pair.client);
            CHECK_EQ(nd_get_deadlines(copy, &reads, &writes), 0);
            CHECK_EQ(reads, 0);
            CHECK_EQ(writes, far);
            CHECK_EQ(nd_set_read_deadline(copy, far + 1), 0);
            CHECK_EQ(nd_get_deadlines(pair.client, &reads, &writes), 0);
            CHECK_EQ(reads, far + 1);

            // Waits on one number, moved by another.
            api_block(&op, &api_read_calls[0], pair.client);
            int64_t now = nd_now();
            CHECK_EQ(nd_set_read_deadline(copy, now), 0);
            CHECK_OP_EXPIRED(&op, now);
            CHECK_PAST(io_read(pair.client, &byte, 1));
            CHECK_PAST(io_read(copy, &byte, 1));

            CHECK_EQ(io_close(pair.client), 0);
            CHECK_EQ(nd_get_deadlines(copy, &reads, &writes), 0);
            CHECK_EQ(reads, now);
            CHECK_EQ(writes, far);
            CHECK_PAST(io_read(copy, &byte, 1));
            int third = ways[i](copy);
            CHECK_PAST(io_read(third, &byte, 1));
            CHECK_EQ(nd_set_deadline(third, 0), 0);
            CHECK_EQ(nd_raw_write(pair.peer, "d", 1), 1);
            CHECK_EQ(io_read(copy, &byte, 1), 1);
            io_close(copy);
            io_close(third);
            nd_raw_close(pair.peer);
        }
    return 0;
}
