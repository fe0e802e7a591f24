// The connect clock starts with each connect(): a name with N addresses may take N deadlines.
// Source: SEMANTICS "Classes", connect.
//
// env: NETDEADLINE_CONNECT=400ms
#include "nd_test.h"

int main(void) {
    struct nd_hole hole = nd_black_hole();
    for (int i = 1; i <= 3; i++) {
        int fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
        int64_t start = nd_now();
        CHECK_ERRNO(connect(fd, (struct sockaddr *)&hole.at, sizeof hole.at), ETIMEDOUT);
        CHECK_ENDED_AT(start, 400 * MS);
        CHECK_RECORDS("connect", i);
        close(fd);
    }
    return 0;
}
