// Not one event more than the program has room for is written, whatever has expired and whatever is ready; the count says how
// many were.
// Source: TRAPS: events array overrun (VPP vcl).
//
// env: NETDEADLINE_READ=150ms
#include "nb_wait.h"

int main(void) {
    enum { COUNT = 9 };
    struct nd_pair pairs[COUNT];
    for (int room = 1; room <= 4; room++) {
        struct epoll_event events[COUNT];
        int set = nb_set(), pipes[2][2], seen = 0;
        for (int i = 0; i < 2; i++) {
            MUST(pipe(pipes[i]));
            CHECK_EQ(write(pipes[i][1], "x", 1), 1);
            nb_add(set, pipes[i][0], EPOLLIN);
        }
        for (int i = 0; i < COUNT; i++) {
            pairs[i] = nb_pair();
            nb_add(set, pairs[i].client, EPOLLIN);
        }
        nd_sleep(200 * MS);
        for (int round = 0; round < 30; round++) {
            memset(events, 0xa5, sizeof events);
            int count = epoll_wait(set, events, room, 500);
            CHECK(count > 0 && count <= room);
            for (int i = 0; i < count; i++) {
                char byte;
                int fd = nb_event_fd(&events[i]);
                CHECK_EQ(events[i].events, EPOLLIN);
                for (int j = 0; j < i; j++) CHECK(nb_event_fd(&events[j]) != fd);
                if (fd == pipes[0][0] || fd == pipes[1][0]) continue;
                seen++;
                CHECK_ERRNO(read(fd, &byte, 1), ETIMEDOUT);
                MUST(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL));
            }
            const unsigned char *rest = (const unsigned char *)&events[room];
            for (; rest < (const unsigned char *)(events + COUNT); rest++) CHECK_EQ(*rest, 0xa5);
        }
        CHECK_EQ(seen, COUNT);
        for (int i = 0; i < COUNT; i++) nd_pair_close(&pairs[i]);
        for (int i = 0; i < 2; i++) {
            close(pipes[i][0]);
            close(pipes[i][1]);
        }
        close(set);
    }
    return 0;
}
