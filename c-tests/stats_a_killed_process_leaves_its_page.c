// The page of a process that SIGKILL ended can be read, and is whole: whatever the moment, each count is there but for the one event
// that was under way, and no record of an expiry is a mixture of two.
// Source: issue 6 "a SIGKILLed process's page still reads".
//
// env: NETDEADLINE_RULES="to 127.0.0.0/24 read=20ms" NETDEADLINE_LOG=off
#include "stats_page.h"

enum { KILLS = 30 };

static void check(const struct st_page *page, const struct sockaddr_in *at) {
    const struct st_destination *place = st_to(page, at);
    CHECK(place->open <= 1 && place->connecting <= 1 && place->awaiting <= 1);
    CHECK(place->connections >= 1 && place->connections - place->classes[ST_LIFETIME].ended <= 1);
    for (int class = 0; class < ST_CLASSES; class++) {
        const struct st_waits *waits = &place->classes[class];
        uint64_t sum = 0;
        for (int i = 0; i < ST_BUCKETS; i++) sum += waits->buckets[i];
        if (waits->ended - sum > 1) FAIL("%s: %d waits, %d in buckets", st_class_names[class], (int)waits->ended, (int)sum);
        CHECK(waits->longest <= waits->total);
    }
    CHECK(place->classes[ST_READ].expired - page->expiries <= 1);
    CHECK_EQ(page->lost, 0);
    uint64_t first = page->expiries > ST_EXPIRIES ? page->expiries - ST_EXPIRIES : 0;
    for (uint64_t n = first; n < page->expiries; n++) {
        const struct st_expiry *expiry = &page->last[n % ST_EXPIRIES];
        if (expiry->sequence != 2 * n + 2) {
            CHECK_EQ(n, page->expiries - 1);
            continue;
        }
        CHECK_EQ(expiry->timeout, 20 * MS);
        CHECK(expiry->waited >= expiry->timeout);
        CHECK_EQ(expiry->cause, ST_READ);
        CHECK_EQ(strcmp(expiry->operation, "recv"), 0);
    }
}

int main(int count, char **arguments) {
    (void)count;
    st_begin(arguments);
    struct sockaddr_in at;
    int listener = st_listener(2, 8, &at);
    unsigned seed = (unsigned)nd_now();
    for (int i = 0; i < KILLS; i++) {
        pid_t child = fork();
        if (!child) {
            for (int j = 0;; j++) {
                int fd = nd_connect(&at), peer = nd_raw_accept(listener);
                char byte;
                for (int k = 0; k < 3; k++) {
                    CHECK_EQ(send(fd, "a", 1, MSG_NOSIGNAL), 1);
                    if (j % 4 || k) CHECK_EQ(nd_raw_write(peer, "b", 1), 1);
                    if (recv(fd, &byte, 1, 0) < 0) CHECK_EQ(errno, ETIMEDOUT);
                }
                close(fd);
                nd_raw_close(peer);
            }
        }
        struct st_page page;
        memset(&page, 0, sizeof page);
        int64_t end = nd_now() + 5 * SEC;
        while (!st_file(child, -1, (char[600]){0}, 600) && nd_now() < end) nd_sleep(1 * MS);
        nd_sleep(30 * MS + rand_r(&seed) % (10 * MS));
        kill(child, SIGKILL);
        CHECK_EQ(nd_reap(child, 5 * SEC), SIGKILL);
        if (!st_look(child, 0, &page)) FAIL("no page is left");
        check(&page, &at);
    }
    return 0;
}
