// A rule that names a unix path bounds reads and writes on connections to it, and on no other unix socket.
// Source: SEMANTICS "Classes", "Policy text" (to unix:/run/app/*.sock).
//
// env: NETDEADLINE_RULES="to unix:*/named-*.sock read=300ms write=300ms"
// env: NETDEADLINE_RULES="to unix:named-1.sock read=300ms write=300ms"
#include "nd_calls.h"

int main(void) {
    static char block[65536];
    char directory[200], path[256];
    if (strchr(getenv("NETDEADLINE_RULES"), '*')) {
        // sun_path has room for 108 bytes: the run's own directory is short.
        if (!getcwd(directory, sizeof directory)) FAIL("getcwd");
        snprintf(path, sizeof path, "%s/named-1.sock", directory);
    } else {
        snprintf(path, sizeof path, "named-1.sock");
    }
    struct nd_pair named = nd_unix_pair(path), other = nd_unix_pair("other.sock");
    struct nd_made made;
    nd_make(&made, &nd_read_calls[0], named.client);
    nd_made_wait(&made);
    CHECK_TIMED_OUT(&made, 300 * MS);
    while (nd_raw(SYS_sendto, named.client, (long)block, sizeof block, MSG_DONTWAIT, 0, 0) > 0) {}
    while (nd_raw(SYS_sendto, named.client, (long)block, 1, MSG_DONTWAIT, 0, 0) > 0) {}
    nd_make(&made, &nd_write_calls[0], named.client);
    nd_made_wait(&made);
    CHECK_TIMED_OUT(&made, 300 * MS);
    CHECK_RECORD("write", "rtt_us", "null");
    struct nd_later later;
    char byte;
    nd_send_later(&later, other.peer, 900 * MS, "x", 1);
    CHECK_EQ(read(other.client, &byte, 1), 1);
    nd_later_join(&later);
    CHECK_RECORDS("read", 1);
    CHECK_RECORDS("write", 1);
    return 0;
}
