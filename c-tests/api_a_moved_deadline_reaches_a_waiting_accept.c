// A listener's read deadline that is set, moved earlier or later, passed or taken away acts on an accept that another
// thread already waits in, on TCP and unix listeners.
// Source: FACTS "Go's deadline contract" (a listener's deadline bounds Accept; pending operations).
//
// api: yes
#include "api_moves.h"

// The queue's address is kept where a pair has it.
static void let(struct api_case *one) {
    int un = one->pair.at.sin_family != AF_INET;
    struct sockaddr_un at;
    char path[32];
    snprintf(path, sizeof path, "l%d.sock", one->fd);
    socklen_t size = nd_unix_address(&at, path);
    int fd = MUST(socket(un ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    MUST(-nd_raw(SYS_connect, fd, un ? (long)&at : (long)&one->pair.at, un ? size : (long)sizeof one->pair.at, 0, 0, 0));
}

int main(void) {
    static struct api_case cases[2 * API_ACCEPT_CALLS];
    struct api_moves moves = {.cases = cases, .set = nd_set_read_deadline, .let = let};
    for (int un = 0; un < 2; un++)
        for (size_t i = 0; i < API_ACCEPT_CALLS; i++) {
            struct api_case *one = &cases[moves.count++];
            one->call = &api_accept_calls[i];
            if (un) {
                char path[32];
                one->fd = nd_unix_listener("new.sock", 8);
                snprintf(path, sizeof path, "l%d.sock", one->fd);
                MUST(rename("new.sock", path));
            } else {
                one->fd = nd_listener(8, &one->pair.at);
            }
        }
    api_move_all_ways(&moves);
    return 0;
}
