/* A Go program as far as the library looks: Go's note, a Syscall6 byte for byte, a function table that names it. And a caller that
 * fills every register and the stack below with marks, and says afterwards what is left of them.
 *
 * Registers and stack: src/cmd/compile/abi-internal.md. The table: internal/abi and runtime/symtab.go. */

#ifndef BARE
        .section .note.go.buildid, "a", @note
        .balign 4
        .long 4, 4, 4                   /* the owner's size, the description's, type 4 */
        .asciz "Go\0"
        .asciz "odd"
#else
/* -ldflags=-buildid=, with cgo: what the loader sees is what runtime/cgo exports; data of any size comes before the rest. */
        .data
        .fill 0x40000, 1, 1
        .text
        .globl _cgo_topofstack
        .type _cgo_topofstack, @function
_cgo_topofstack:
        ret
        .size _cgo_topofstack, . - _cgo_topofstack
#endif

        .text
        .balign 4096
go_text:
        .balign 32
        .globl syscall6
        .type syscall6, @function
syscall6:
        .byte 0x49, 0x89, 0xf2          /* mov r10, rsi */
        .byte 0x48, 0x89, 0xfa          /* mov rdx, rdi */
        .byte 0x48, 0x89, 0xce          /* mov rsi, rcx */
        .byte 0x48, 0x89, 0xdf          /* mov rdi, rbx */
        .byte 0x0f, 0x05                /* syscall */
        .byte 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff /* cmp rax, -4095 */
        .byte 0x76, 0x11                /* jbe: no error */
        neg %rax
        mov %rax, %rcx
        mov $-1, %rax
        xor %ebx, %ebx
        ret
        nop
        mov %rdx, %rbx                  /* +39 */
        xor %ecx, %ecx
        ret
        .balign 64, 0xcc
        .size syscall6, . - syscall6
go_text_end:

        .section .rodata
        .balign 32
table:
        .byte 0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8
        .quad 1, 1, 0                   /* functions, files, the text's start */
        .quad names - table, 0, 0, 0
        .quad functions - table
names:
        .asciz ""
name:   .asciz "internal/runtime/syscall/linux.Syscall6"
        .balign 4
functions:
        .long syscall6 - go_text, record - functions
        .long go_text_end - go_text
record: .long syscall6 - go_text, name - names, 0, 0

/* void call6(struct call *call): see main.c for the structure. */
        .text
        .globl call6
        .type call6, @function
call6:
        push %rbx
        push %rbp
        push %r12
        push %r13
        push %r14
        push %r15
        mov %rsp, 0(%rdi)               /* C's stack */
        mov 8(%rdi), %rsp               /* the goroutine's */
        push %rdi                       /* above what is compared */
        movups ones(%rip), %xmm0
        movaps %xmm0, %xmm1
        movaps %xmm0, %xmm7
        movaps %xmm0, %xmm14
        pxor %xmm15, %xmm15             /* Go's zero */
        mov %rdi, %r15
        mov 16(%r15), %rax              /* the number, */
        mov 24(%r15), %rbx              /* a1 */
        mov 32(%r15), %rcx
        mov 40(%r15), %rdi
        mov 48(%r15), %rsi
        mov 56(%r15), %r8
        mov 64(%r15), %r9               /* to a6 */
        mov $0x1414141414141414, %r14   /* Go's g */
        mov $0x0505050505050505, %rbp   /* the frame pointer */
        mov $0x1010101010101010, %r10
        mov $0x1111111111111111, %r11
        mov $0x1212121212121212, %r12
        mov $0x1313131313131313, %r13
        mov $0x0202020202020202, %rdx
        mov %r10, %r15
        call syscall6
        pushf
        mov 8(%rsp), %r15
        mov %rax, 72(%r15)              /* r1, r2, errno */
        mov %rbx, 80(%r15)
        mov %rcx, 88(%r15)
        mov %r14, 96(%r15)
        mov %rbp, 104(%r15)
        pop %rax
        mov %rax, 112(%r15)             /* flags */
        mov %rsp, 120(%r15)
        movups %xmm15, 128(%r15)
        mov 0(%r15), %rsp
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        ret
        .size call6, . - call6

        .section .rodata
        .balign 16
ones:   .fill 16, 1, 0xff
        .section .note.GNU-stack, "", @progbits
