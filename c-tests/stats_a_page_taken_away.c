// What another program of the same user may do to the page: a deleted one is counted on in, one that others may not write any more too,
// one that is overwritten with anything makes wrong counts and no more. One that is truncated under the writer kills him (SIGBUS), as
// truncating any file kills who has mapped it: only who may kill the process anyway can do that.
// Source: docs/limits.md; mmap(2), SIGBUS.
//
// env: NETDEADLINE_RULES="to 127.0.0.0/24 read=100ms"
#include "stats_page.h"

static struct sockaddr_in at;
static int listener;

static void dial(bool expires) {
    int fd = nd_connect(&at), peer = nd_raw_accept(listener);
    char byte;
    CHECK_EQ(send(fd, "a", 1, MSG_NOSIGNAL), 1);
    if (!expires) CHECK_EQ(nd_raw_write(peer, "b", 1), 1);
    ssize_t got = recv(fd, &byte, 1, 0);
    if (expires ? got != -1 || errno != ETIMEDOUT : got != 1) FAIL("%zd, errno %d", got, errno);
    close(fd);
    nd_raw_close(peer);
}

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    char path[700];
    static char bytes[sizeof(struct st_page)];
    listener = st_listener(2, 16, &at);
    dial(false);
    CHECK(st_file(getpid(), 0, path, sizeof path));

    int fd = MUST(open(path, O_RDWR | O_CLOEXEC));
    MUST(chmod(path, 0400));
    dial(true);
    MUST(unlink(path));
    dial(false);
    struct st_page page;
    CHECK_EQ(pread(fd, &page, sizeof page, 0), sizeof page);
    CHECK_EQ(st_to(&page, &at)->connections, 3);
    CHECK_WAITS(st_to(&page, &at), ST_READ, .ended = 1, .expired = 1);
    CHECK_EQ(st_files(), 0);

    // Every byte 255, every byte 1, random ones; while it is written in.
    unsigned seed = 42;
    for (int round = 0; round < 12; round++) {
        int64_t start = nd_now();
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(round == 0 ? 255 : round == 1 ? 1 : rand_r(&seed));
        CHECK_EQ(pwrite(fd, bytes, sizeof bytes, 0), sizeof bytes);
        dial(false);
        dial(round < 3);
        CHECK_AT_ONCE(start, 3 * SEC);
    }
    memset(bytes, 0, sizeof bytes);
    CHECK_EQ(pwrite(fd, bytes, sizeof bytes, 0), sizeof bytes);
    dial(false);
    CHECK_EQ(pread(fd, &page, sizeof page, 0), sizeof page);
    CHECK_EQ(st_to(&page, &at)->connections, 1);

    // Not a promise, a fact: as with every file that is mapped.
    pid_t child = fork();
    if (!child) {
        dial(false);
        CHECK(st_file(getpid(), 0, path, sizeof path));
        MUST(truncate(path, 0));
        dial(false);
        _exit(0);
    }
    int status = nd_reap(child, 5 * SEC);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGBUS) FAIL("limits.md says that it dies: status 0x%x", (unsigned)status);
    dial(false);
    return 0;
}
