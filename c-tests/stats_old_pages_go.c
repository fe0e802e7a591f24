// A directory keeps 64 pages: then, for each that is made, the oldest of a dead process goes, and never one of a process that lives, nor
// a file that is no page. Also where many processes make theirs at once.
// Source: src/engine/evidence/place.rs (KEPT, make_room).
//
// env: NETDEADLINE_RULES="to 127.0.0.0/24 read=1h"
#include "stats_page.h"

static struct sockaddr_in at;
static int listener;

static void one(void) {
    close(nd_connect(&at));
    _exit(0);
}

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    char path[700];
    listener = st_listener(2, 512, &at);
    int fd = nd_connect(&at);
    int foreign = 0;
    for (const char *const *name = (const char *const[]){"notes", "1.2", "1.2.3.4", "x.1.0", NULL}; *name; name++) {
        snprintf(path, sizeof path, "%s/%s", st_directory(), *name);
        nd_raw_close(MUST(open(path, O_CREAT | O_WRONLY, 0600)));
        foreign++;
    }
    pid_t first = 0;
    for (int i = 0; i < 70; i++) {
        pid_t child = fork();
        if (!child) one();
        if (!i) first = child;
        CHECK_CHILD_OK(child, 5 * SEC);
        if (i == 60) CHECK(st_file(first, 0, path, sizeof path));
    }
    CHECK_EQ(st_files(), 64 + foreign);
    CHECK(!st_file(first, 0, path, sizeof path));
    CHECK(st_file(getpid(), 0, path, sizeof path));
    pid_t children[16];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 16; i++)
            if (!(children[i] = fork())) one();
        for (int i = 0; i < 16; i++) CHECK_CHILD_OK(children[i], 5 * SEC);
    }
    pid_t child = fork();
    if (!child) one();
    CHECK_CHILD_OK(child, 5 * SEC);
    CHECK(st_file(getpid(), 0, path, sizeof path));
    if (st_files() > 64 + foreign) FAIL("%d pages are kept", st_files() - foreign);
    close(fd);
    return 0;
}
