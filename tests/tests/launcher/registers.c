/* A static program that bears Go's mark and writes the state it is started in: its general registers and flags, then the
 * registers of the floating point and vector units. No libc: its first instruction is ours. */
#include <stdint.h>

__attribute__((section(".note.go.buildid"), used, aligned(4)))
static const struct { int owner, size, type; char name[4], id[4]; } mark = { 4, 4, 4, "Go\0", "abcd" };

static uint64_t saved[18];
static uint8_t extended[512] __attribute__((aligned(16)));
static char text[4096];

static void put(const void *bytes, long size)
{
    long n = 0;
    for (long i = 0; i < size; i++) {
        uint8_t byte = ((const uint8_t *)bytes)[i];
        text[n++] = "0123456789abcdef"[byte >> 4];
        text[n++] = "0123456789abcdef"[byte & 15];
    }
    text[n++] = '\n';
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(1L), "D"(1L), "S"(text), "d"(n) : "rcx", "r11", "memory");
}

__attribute__((used)) static void report(void)
{
    put(saved, sizeof saved);
    put(extended, sizeof extended);
    __asm__ volatile("syscall" :: "a"(231L), "D"(7L));
}

__asm__(".globl _start\n_start:\n"
        "pushf\npop saved+136\n"
        "mov %rax, saved\nmov %rbx, saved+8\nmov %rcx, saved+16\nmov %rdx, saved+24\nmov %rsi, saved+32\nmov %rdi, saved+40\n"
        "mov %rbp, saved+48\nmov %r8, saved+56\nmov %r9, saved+64\nmov %r10, saved+72\nmov %r11, saved+80\nmov %r12, saved+88\n"
        "mov %r13, saved+96\nmov %r14, saved+104\nmov %r15, saved+112\n"
        /* The stack is at another place each time: only how it is aligned, and argc. */
        "mov %rsp, %rax\nand $15, %rax\nmov %rax, saved+120\nmov (%rsp), %rax\nmov %rax, saved+128\n"
        "fxsave extended\ncld\ncall report\n");
