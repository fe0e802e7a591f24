// A record tells the person on call what happened on the connection: bytes both ways, peer, fd, waited, TCP's own figures,
// and never a byte of what was sent.
// Source: SEMANTICS "Evidence"; SECURITY 10.
//
// env: NETDEADLINE_READ=300ms
#include "nd_test.h"

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    char bytes[64], wanted[64];
    CHECK_EQ(write(pair.client, "SECRET-REQUEST", 14), 14);
    CHECK_EQ(nd_raw_write(pair.peer, "SECRET-ANSWER", 13), 13);
    CHECK_EQ(recv(pair.client, bytes, 13, MSG_WAITALL), 13);
    CHECK_ERRNO(read(pair.client, bytes, sizeof bytes), ETIMEDOUT);
    struct nd_record last;
    CHECK_EQ(nd_records("read", &last), 1);
    CHECK_RECORD("read", "bytes_out", "14");
    CHECK_RECORD("read", "bytes_in", "13");
    snprintf(wanted, sizeof wanted, "127.0.0.1:%d", ntohs(pair.at.sin_port));
    CHECK_RECORD("read", "peer", wanted);
    snprintf(wanted, sizeof wanted, "%d", pair.client);
    CHECK_RECORD("read", "fd", wanted);
    snprintf(wanted, sizeof wanted, "%d", (int)getpid());
    CHECK_RECORD("read", "pid", wanted);
    CHECK_RECORD("read", "tid", wanted);
    CHECK_RECORD("read", "observed", "false");
    CHECK_RECORD("read", "unacked", "0");
    if (last.waited_ms > 3300) FAIL("waited %.3f ms", last.waited_ms);
    char value[64];
    nd_field(last.line, "rtt_us", value, sizeof value);
    if (strtol(value, NULL, 10) <= 0) FAIL("rtt_us is %s", value);
    nd_field(last.line, "time", value, sizeof value);
    if (strlen(value) != 27 || value[10] != 'T' || value[26] != 'Z') FAIL("time is %s", value);
    if (strstr(last.line, "SECRET")) FAIL("payload in the record: %s", last.line);
    return 0;
}
