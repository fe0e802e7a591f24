// A socket whose number is high has its deadlines like any other; beyond what the table holds (numbers above 1 << 20, where the
// kernel allows them) a call works or says clearly that it cannot.
// Source: issue, 3.
//
// api: yes
#include "apin_wait.h"
#include <sys/resource.h>

static void high(int number, bool certain) {
    struct nd_pair pair = apin_pair(API_TCP);
    char byte;
    int fd = dup2(pair.client, number);
    if (fd < 0) {
        fprintf(stderr, "no number %d here: %s\n", number, strerror(errno));
        api_close(&pair);
        return;
    }
    apin_say("high");
    errno = 0;
    int64_t when = nd_now() + 10 * MS;
    int failed = nd_set_read_deadline(fd, when);
    if (failed && !certain) {
        CHECK_EQ(failed, -1);
        CHECK(errno == EBADF || errno == ENOMEM);
        CHECK_ERRNO(io_read(fd, &byte, 1), EAGAIN);
        apin_arrive(&pair, "a", 1);
        CHECK_EQ(io_read(fd, &byte, 1), 1);
    } else {
        CHECK_EQ(failed, 0);
        APIN_EACH_WAY(way) {
            if (nb_is_select(way)) continue;
            struct nb_waiter waiter = nb_waiter(way, fd, POLLIN);
            CHECK_EQ(nb_wait(&waiter, -1), POLLIN);
            CHECK_JUST_AFTER(when);
            CHECK_ERRNO(io_read(fd, &byte, 1), ETIMEDOUT);
            nb_done(&waiter);
        }
        CHECK_EQ(nd_set_read_deadline(pair.client, nd_now() + 60 * SEC), 0);
        CHECK_ERRNO(io_read(fd, &byte, 1), EAGAIN);
    }
    CHECK_EQ(nd_close(fd), 0);
    api_close(&pair);
}

int main(void) {
    static const int numbers[] = {1023, 1024, 4095, 65535, 65536, 70001, 1000003, (1 << 20) - 1};
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_NOFILE, &limit));
    // As high as the kernel allows (fs.nr_open), where this process may.
    for (rlim_t most = 1 << 22; most >= 1 << 20; most /= 2) {
        struct rlimit more = {most, most};
        if (!setrlimit(RLIMIT_NOFILE, &more)) break;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) high(numbers[i], true);
    high(1 << 20, false);
    high((1 << 21) + 5, false);
    return 0;
}
