// The 64-bit forms of the two options (numbers 66 and 67, which 32-bit programs with 64-bit time use) count like the old ones.
// Source: SEMANTICS "Sources" 2: old and new option numbers; include/uapi/asm-generic/socket.h.
//
// env: none
#include "nb_wait.h"

int main(void) {
    struct nd_pair pair = nb_pair();
    int64_t value[2] = {0, 200000};
    char byte;
    MUST(setsockopt(pair.client, SOL_SOCKET, 66, value, sizeof value));
    int64_t start = nd_now();
    struct nb_waiter waiter = nb_waiter(NB_POLL, pair.client, POLLIN);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLIN);
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);

    struct nd_pair full = nb_full_pair();
    MUST(setsockopt(full.client, SOL_SOCKET, 67, value, sizeof value));
    start = nd_now();
    CHECK_ERRNO(write(full.client, "x", 1), EAGAIN);
    waiter = nb_waiter(NB_POLL, full.client, POLLOUT);
    CHECK_EQ(nb_wait(&waiter, 5000), POLLOUT);
    CHECK_ENDED_AT(start, 200 * MS);
    CHECK_ERRNO(write(full.client, "x", 1), ETIMEDOUT);
    return 0;
}
