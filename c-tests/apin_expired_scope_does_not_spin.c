// A program that repeats its waits in a scope that is over (an event loop that asks again) does not turn a core into heat: over
// 300 ms of such waits, on sockets and on nothing, the thread uses well below half of the processor.
// Source: issue, 1 (a poll that returned 0 makes libcurl spin).
//
// api: yes
#include "apin_wait.h"
#include <sys/resource.h>

static int64_t cpu(void) {
    struct rusage usage;
    MUST(getrusage(RUSAGE_THREAD, &usage));
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SEC + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

int main(void) {
    APIN_EACH_WAY(way) {
        if (way == NB_PPOLL || way == NB_PSELECT || way > NB_EPOLL_WAIT) continue;
        for (int nothing = 0; nothing < 2; nothing++) {
            struct nd_pair pair = apin_pair(API_TCP);
            struct nb_waiter waiter = nb_waiter(way, pair.client, POLLIN);
            int ends[2], waits = 0;
            MUST(pipe2(ends, O_CLOEXEC));
            struct nb_waiter silent = nb_waiter(way, ends[0], POLLIN);
            int64_t token = nd_scope_enter(1), start = nd_now(), used = cpu();
            CHECK(token >= 0);
            for (; nd_now() - start < 300 * MS; waits++) CHECK_EQ(nb_wait(nothing ? &silent : &waiter, 1000), nothing ? 0 : POLLIN);
            int64_t took = nd_now() - start;
            used = cpu() - used;
            CHECK_EQ(nd_scope_leave(token), 0);
            fprintf(stderr, "%d waits, %.1f %% of a processor\n", waits, 100 * (double)used / (double)took);
            if (used * 2 > took) FAIL("%.1f of %.1f ms", (double)used / 1e6, (double)took / 1e6);
            // A busy machine leaves little of a processor to a spinning thread, and still tens of thousands of waits.
            if (waits > took / MS * 10) FAIL("%d waits in %.1f ms", waits, (double)took / 1e6);
            nb_done(&waiter);
            nb_done(&silent);
            api_close(&pair);
            close(ends[0]);
            close(ends[1]);
        }
    }
    return 0;
}
