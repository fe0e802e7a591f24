// An expiry that is due for an events array at a bad address is EFAULT, as a real event would be; the program is not killed.
// Source: STYLE "Unsafe": the kernel decides whether the program's pointers are good. The same for poll's array and select's sets.
//
// env: NETDEADLINE_READ=150ms
#include "nb_wait.h"
#include <sys/mman.h>

int main(void) {
    struct nd_pair pair = nb_pair();
    void *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct epoll_event *closed = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char byte;
    int set = nb_set();
    nb_add(set, pair.client, EPOLLIN);
    nd_sleep(200 * MS);
    CHECK_ERRNO(epoll_wait(set, hole, 1, 2000), EFAULT);
    CHECK_ERRNO(epoll_wait(set, closed, 1, 2000), EFAULT);
    // Through a variable: the compiler refuses a NULL that it can see.
    struct epoll_event *volatile nothing = NULL;
    CHECK_ERRNO(epoll_wait(set, nothing, 1, 2000), EFAULT);
    CHECK_EQ(nb_one(set, 3000, NULL), EPOLLIN);
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    return 0;
}
