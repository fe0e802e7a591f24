//go:build ignore

/* A C program that Go lives in: linked with the archive or the shared object that library.go makes of the tests' programs,
   or loading that by dlopen (-DBY_DLOPEN="path"). The C part does no I/O of its own. */

#include <dlfcn.h>
#include <stdio.h>

void Facts(void);

int main(void)
{
#ifdef BY_DLOPEN
    void *library = dlopen(BY_DLOPEN, RTLD_NOW);
    void (*facts)(void);
    if (!library || !(*(void **)&facts = dlsym(library, "Facts"))) {
        fprintf(stderr, "host: %s\n", dlerror());
        return 1;
    }
    facts();
#else
    Facts();
#endif
    return 0;
}
