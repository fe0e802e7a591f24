// A program that asks for dlerror() first finds none: names that this libc does not have are our affair.
// Source: dlerror(3).
//
// native: yes
// env: none
// env: NETDEADLINE_READ=1h
// needs: musl
// libs: -ldl
#include "nd_test.h"
#include <dlfcn.h>

int main(void) {
    const char *said = dlerror();
    if (said) FAIL("an error from before the program: %s", said);
    return 0;
}
