// All numbers that dup made of a socket share its deadlines, also for waits, and keep them when the first number is closed.
// Source: SEMANTICS "fds and processes"; include/netdeadline.h, nd_set_read_deadline.
//
// api: yes
#include "apin_wait.h"

int main(void) {
    APIN_EACH_WAY(way) {
        struct nd_pair pair = apin_pair(API_TCP);
        int64_t when, reads, writes;
        char byte;
        CHECK_EQ(nd_set_read_deadline(pair.client, nd_now() + 60 * SEC), 0);
        int numbers[] = {pair.client, MUST(dup(pair.client)), MUST(fcntl(pair.client, F_DUPFD_CLOEXEC, 500))};
        for (int set = 0; set < 3; set++) {
            struct apin_sleeper sleepers[3];
            for (int i = 0; i < 3; i++) apin_start(&sleepers[i], way, 1, numbers[i], POLLIN, -1);
            apin_asleep(sleepers, 3);
            when = nd_now() + 5 * MS;
            CHECK_EQ(nd_set_read_deadline(numbers[set], when), 0);
            for (int i = 0; i < 3; i++) {
                apin_end(&sleepers[i]);
                CHECK_WOKEN(&sleepers[i], POLLIN, when);
                CHECK_ERRNO(io_read(numbers[i], &byte, 1), ETIMEDOUT);
                CHECK_EQ(nd_get_deadlines(numbers[i], &reads, &writes), 0);
                CHECK_EQ(reads, when);
                CHECK_EQ(writes, 0);
            }
            CHECK_EQ(nd_set_read_deadline(numbers[(set + 1) % 3], nd_now() + 60 * SEC), 0);
        }
        CHECK_EQ(nd_set_read_deadline(numbers[2], 1), 0);
        io_close(numbers[0]);
        io_close(numbers[2]);
        struct nb_waiter waiter = nb_waiter(way, numbers[1], POLLIN);
        CHECK_EQ(nb_wait(&waiter, -1), POLLIN);
        CHECK_ERRNO(io_read(numbers[1], &byte, 1), ETIMEDOUT);
        nb_done(&waiter);
        io_close(numbers[1]);
        nd_raw_close(pair.peer);
    }
    return 0;
}
