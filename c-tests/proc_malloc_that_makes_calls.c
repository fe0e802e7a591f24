// A program whose own malloc opens, reads, writes and closes descriptors (jemalloc reads its configuration so) starts and
// runs; and our calls allocate nothing: a time-out leaves the counter where it was.
// Source: TRAPS (jemalloc#329, rr#566, redhook #15); ARCHITECTURE (no alloc).
//
// native: yes
// env: none
// env: NETDEADLINE_READ=200ms NETDEADLINE_CONNECT=2s
#include "nd_test.h"

static _Alignas(64) char arena[8 << 20];
static size_t used;
static volatile long allocations;
static __thread bool inside;

void *malloc(size_t size) {
    size_t at = __atomic_fetch_add(&used, ((size + 31) & ~(size_t)15) + 16, __ATOMIC_RELAXED);
    if (at + size + 16 > sizeof arena) return NULL;
    __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
    if (!inside) {
        char bytes[16];
        int saved = errno, ends[2];
        inside = true;
        int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            if (read(fd, bytes, sizeof bytes) <= 0) _exit(9);
            close(fd);
        }
        if (pipe(ends) == 0) {
            if (write(ends[1], "m", 1) != 1 || read(ends[0], bytes, 1) != 1) _exit(10);
            close(ends[0]);
            close(ends[1]);
        }
        inside = false;
        errno = saved;
    }
    *(size_t *)(void *)(arena + at) = size;
    return arena + at + 16;
}
void free(void *block) { (void)block; }
void *calloc(size_t count, size_t size) {
    void *block = malloc(count * size);
    if (block) memset(block, 0, count * size);
    return block;
}
void *realloc(void *old, size_t size) {
    void *block = malloc(size);
    if (block && old) {
        size_t had = *(size_t *)(void *)((char *)old - 16);
        memcpy(block, old, had < size ? had : size);
    }
    return block;
}

int main(void) {
    struct nd_pair pair = nd_tcp_pair();
    char byte;
    for (int i = 0; i < 3; i++) {
        nd_raw_write(pair.peer, "x", 1);
        CHECK_EQ(read(pair.client, &byte, 1), 1);
    }
    if (!nd_shimmed() || !getenv("NETDEADLINE_READ")) return 0;
    CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
    long before = allocations;
    for (int i = 0; i < 3; i++) {
        CHECK_ERRNO(read(pair.client, &byte, 1), ETIMEDOUT);
        close(MUST(dup(pair.client)));
    }
    CHECK_EQ(allocations, before);
    return 0;
}
