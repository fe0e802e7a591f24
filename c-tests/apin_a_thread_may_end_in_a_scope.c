// A thread that ends within a scope takes it along: the next thread is not bounded by it, though it has the same stack, the same
// thread-local storage and so the same errno; nor does its tid, should it come again, matter; and the dead ones' places are used again.
// Source: issue, 1: the address of errno together with gettid identifies the thread.
//
// api: yes
#include "apin_wait.h"
#include <sys/mman.h>

enum { STACK = 256 << 10, ROUNDS = 2500 };
static struct nd_pair pair;
static void *errno_at[2];

static void *ends_in_a_scope(void *argument) {
    char byte;
    (void)argument;
    errno_at[0] = &errno;
    // The second time deeper.
    for (int depth = 0; depth < 3; depth++)
        if (nd_scope_enter(1) < 0) FAIL("enter: %s", strerror(errno));
    CHECK_ERRNO(io_read(pair.client, &byte, 1), ETIMEDOUT);
    return NULL;
}
static void *is_not_bounded(void *argument) {
    char byte;
    (void)argument;
    errno_at[1] = &errno;
    CHECK_ERRNO(io_read(pair.client, &byte, 1), EAGAIN);
    int64_t token = nd_scope_enter(nd_now() + 60 * SEC);
    CHECK(token >= 0);
    CHECK_ERRNO(io_read(pair.client, &byte, 1), EAGAIN);
    CHECK_EQ(nd_scope_leave(token), 0);
    return NULL;
}

int main(void) {
    int same = 0;
    pthread_attr_t on_this_stack;
    pthread_attr_init(&on_this_stack);
    void *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED);
    CHECK_EQ(pthread_attr_setstack(&on_this_stack, stack, STACK), 0);
    pair = apin_pair(API_UNIX);
    for (int round = 0; round < ROUNDS; round++) {
        void *(*const bodies[])(void *) = {ends_in_a_scope, is_not_bounded};
        for (int i = 0; i < 2; i++) {
            struct nd_thread thread;
            CHECK_EQ(pthread_create(&thread.id, round % 2 ? &on_this_stack : NULL, bodies[i], NULL), 0);
            nd_join(thread, 10 * SEC);
        }
        same += errno_at[0] == errno_at[1];
    }
    // Else the test has shown nothing.
    CHECK(same > ROUNDS / 4);
    return 0;
}
