// A handler on a small stack of its own (sigaltstack) may be the first who connects: making the page takes little more of it than what the
// library takes of it anyway.
// Source: src/engine/evidence/place.rs (out of line); sigaltstack(2).
//
// env: NETDEADLINE_RULES="to 127.0.0.0/24 read=1h"
#include "stats_page.h"
#include <sys/mman.h>

enum { SIZE = 65536 };
static struct sockaddr_in at;
static void connects(int number) {
    (void)number;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof at)) FAIL("connect: %s", strerror(errno));
    close(fd);
}
// How much of the stack a handler uses that connects.
static long used(bool had) {
    int ends[2];
    MUST(pipe(ends));
    pid_t child = fork();
    if (!child) {
        if (had) close(nd_connect(&at));
        char *stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(stack, 0xaa, SIZE);
        stack_t place = {.ss_sp = stack, .ss_size = SIZE};
        MUST(sigaltstack(&place, NULL));
        struct sigaction action = {.sa_handler = connects, .sa_flags = SA_ONSTACK};
        MUST(sigaction(SIGUSR1, &action, NULL));
        raise(SIGUSR1);
        long untouched = 0;
        while (stack[untouched] == (char)0xaa) untouched++;
        long size = SIZE - untouched;
        CHECK_EQ(st_to(st_own_page(), &at)->connections, had + 1);
        CHECK_EQ(nd_raw_write(ends[1], &size, sizeof size), sizeof size);
        _exit(0);
    }
    CHECK_CHILD_OK(child, 5 * SEC);
    long size = 0;
    CHECK_EQ(nd_raw_read(ends[0], &size, sizeof size), sizeof size);
    return size;
}

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    st_listener(2, 8, &at);
    long first = used(false), later = used(true);
    printf("%ld bytes where the page is made, %ld where it is there\n", first, later);
    fflush(stdout);
    if (first - later > 2048) FAIL("%ld bytes of stack for a page", first - later);
    return 0;
}
