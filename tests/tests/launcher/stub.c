/* A library of the launcher's kind that does one thing, as -D says, and not what it should. It has what a real one has:
 * relocations of three kinds, data, zeroed memory over a page's end, and the build's note.
 *
 * SLOW: stay in the first steps for a while. CRASH: die there. WRONG: ask for a patch where something else stands.
 * HALF: never come to an end of its own. SILENT: nothing to patch. Compile with BUILD="...", the command's id. */
#include <stddef.h>
#include <stdint.h>

/* src/note.rs */
__attribute__((section(".note.netdeadline"), used, aligned(4)))
static const struct { uint32_t owner_size, size, kind; char owner[12]; char build[32]; } note = { 12, 32, 1, "netdeadline", BUILD };

/* src/go/request.rs */
struct patch { uint64_t address, length; uint8_t old[40], new[40]; };
struct request { uint64_t version, status, count; struct patch patches[2]; char reason[128]; };
enum { PATCH = 1, INERT = 2, REFUSED = 3 };

extern int somewhere_else __attribute__((weak));
int visible = 17;
static const char *const word = "relocated";
static int *by_symbol = &visible, *absent = &somewhere_else;
static const char *volatile const *by_base = (const char *volatile const *)&word;
/* Behind the file's part of its page comes what follows in the file, and then pages that the file does not have. */
static char zeroed[3 * 4096 + 100];
static char data[100] = "data";

static long call(long number, long a, long b)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(number), "D"(a), "S"(b) : "rcx", "r11", "memory");
    return result;
}

static int sound(void)
{
    for (size_t i = 0; i < sizeof zeroed; i++)
        if (((volatile char *)zeroed)[i])
            return 0;
    for (size_t i = 4; i < sizeof data; i++)
        if (((volatile char *)data)[i])
            return 0;
    ((volatile char *)zeroed)[sizeof zeroed - 1] = 1;
    return *(int *volatile *)&by_symbol == &visible && visible == 17 && !*(int *volatile *)&absent
        && (*by_base)[0] == 'r' && data[0] == 'd' && note.kind == 1;
}

static void refuse(struct request *request, const char *why)
{
    for (size_t i = 0; i < sizeof request->reason - 1 && why[i]; i++)
        request->reason[i] = why[i];
    request->status = REFUSED;
}

__attribute__((used)) static void entered(long *stack, struct request *request)
{
    if (request->version != 1 || request->status || stack[0] < 1 || !sound())
        return refuse(request, "the stub was not loaded as it should be");
#if defined SLOW
    long time[2] = { 0, 1500000000 % 1000000000 };
    time[0] = 1;
    call(35, (long)time, 0);
#elif defined CRASH
    __builtin_trap();
#elif defined HALF
    return;
#elif defined WRONG
    request->count = 1;
    /* The program's entry point, AT_ENTRY: the launcher's own bytes must be gone from there. */
    request->patches[0] = (struct patch){ .length = 3, .old = { 0x0f, 0x05, 0xcc }, .new = { 0x90, 0x90, 0x90 } };
    long *next = stack + 1 + stack[0] + 1;
    while (*next++) ;
    for (; *next; next += 2)
        if (next[0] == 9)
            request->patches[0].address = next[1];
#endif
    request->status = PATCH;
    /* What a compiler's code never touches. */
    __asm__ volatile("fninit; fldpi; pcmpeqd %%xmm0, %%xmm0; pcmpeqd %%xmm15, %%xmm15; movl $0x9fc0, -4(%%rsp); ldmxcsr -4(%%rsp)"
                     ::: "memory", "xmm0", "xmm15");
}

__asm__(".globl enter\n.hidden enter\nenter:\ncall entered\nmov $-1, %rax\nmov %rax, %rbx\nmov %rax, %rcx\nmov %rax, %rdx\nmov %rax, %rsi\n"
        "mov %rax, %rdi\nmov %rax, %rbp\nmov %rax, %r8\nmov %rax, %r9\nmov %rax, %r10\nmov %rax, %r11\nmov %rax, %r12\nmov %rax, %r13\n"
        "mov %rax, %r14\nmov %rax, %r15\nstd\nint3\n");
