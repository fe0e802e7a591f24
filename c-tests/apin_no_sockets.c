// Deadlines and timeouts are for sockets: files, directories, pipes, epoll sets, eventfds, timerfds, terminals and O_PATH numbers
// answer ENOTSOCK, and nd_read, nd_write, nd_poll and nd_close are for them what read, write, poll and close are.
// Source: include/netdeadline.h, "errno ENOTSOCK"; issue, 3.
//
// api: yes
#include "apin_bad.h"
#include <sys/eventfd.h>

int main(void) {
    char name[] = "file-XXXXXX", bytes[8];
    int file = MUST(mkstemp(name)), ends[2], counter = MUST(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)), set = nb_set();
    MUST(pipe2(ends, O_CLOEXEC));
    const int numbers[] = {file, ends[0], ends[1], counter, set,
                           MUST(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)),
                           MUST(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), MUST(open("/dev/null", O_RDWR | O_CLOEXEC)),
                           MUST(open(name, O_PATH | O_CLOEXEC)), MUST(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC))};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int fd = numbers[i];
        bool path = i == 8;
        for (int round = 0; round < 2; round++) {
            for (size_t j = 0; j < APIN_OWN_CALLS; j++) {
                char byte = 'w';
                errno = 0;
                long got = apin_own_calls[j].make(fd, &byte);
                // The kernel's own socket calls say EBADF to O_PATH.
                if (got != -1 || (errno != ENOTSOCK && !(path && errno == EBADF)))
                    FAIL("%s on number %zu is %ld with %s", apin_own_calls[j].name, i, got, strerror(errno));
            }
            for (size_t j = 0; j < APIN_KERNEL_CALLS; j++) {
                const struct apin_kernel_call *call = &apin_kernel_calls[j];
                char byte = 'w';
                // What would read or write there is asked below.
                if (call->direct == apin_raw_read || call->direct == apin_raw_write) continue;
                CHECK_ERRNO(call->call.make(fd, &byte), (int)-call->direct(fd, &byte));
            }
        }
    }
    CHECK_EQ(nd_write(file, "whole", 5), 5);
    CHECK_EQ(lseek(file, 0, SEEK_SET), 0);
    CHECK_EQ(nd_read(file, bytes, sizeof bytes), 5);
    CHECK(!memcmp(bytes, "whole", 5));
    CHECK_EQ(nd_read(file, bytes, sizeof bytes), 0);
    CHECK_EQ(nd_write(ends[1], "pipe", 4), 4);
    CHECK_EQ(nd_read(ends[0], bytes, sizeof bytes), 4);
    CHECK_ERRNO(nd_read(counter, bytes, 8), EAGAIN);
    uint64_t one = 1;
    CHECK_EQ(nd_write(counter, &one, sizeof one), 8);
    CHECK_EQ(nd_read(counter, &one, sizeof one), 8);
    CHECK_EQ(one, 1);
    struct pollfd entries[] = {{.fd = file, .events = POLLIN}, {.fd = ends[0], .events = POLLIN}, {.fd = counter, .events = POLLOUT},
                               {.fd = set, .events = POLLIN}};
    CHECK_EQ(nd_poll(entries, 4, -1), 2);
    CHECK_EQ(entries[0].revents, POLLIN);
    CHECK_EQ(entries[1].revents, 0);
    CHECK_EQ(entries[2].revents, POLLOUT);
    CHECK_EQ(entries[3].revents, 0);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        CHECK_EQ(nd_close(numbers[i]), 0);
        CHECK_ERRNO(nd_close(numbers[i]), EBADF);
    }
    return 0;
}
