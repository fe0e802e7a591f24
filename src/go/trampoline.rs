//! From Go's Syscall6 into our code and back, in assembly.
//!
//! The patched function (patch.rs) is `call before; nop; SYSCALL; jmp after`: each call has its return, which the processor
//! predicts, and `before` finds on the stack which copy of Syscall6 it serves. Whatever blocks, blocks at Go's own SYSCALL
//! instruction, on the goroutine's stack as it was: tracebacks, profiles, preemption and vfork are as without us.
//!
//! ```text
//!              num  a1   a2   a3   a4   a5   a6  |  r1   r2   errno  |  g    kept
//! Go           rax  rbx  rcx  rdi  rsi  r8   r9  |  rax  rbx  rcx    |  r14  rsp rbp r14, xmm15 is 0
//! the kernel   rax  rdi  rsi  rdx  r10  r8   r9  |  rax, errors as -4095..-1; destroys rcx and r11
//! C and Rust        rdi  rsi  rdx  rcx  r8   r9  |  rax            |       rbx rbp r12 r13 r14 r15 rsp
//! ```
//! (Go: src/cmd/compile/abi-internal.md. Go keeps no value in r10 to r13 and r15 across a call.)
//!
//! r12 lives through the SYSCALL and says what `after` has to do: 0 nothing, `TELL`, `LOOK` or `READ` (then r13 is the call's
//! number and rbx Syscall6+6), or the address of the call's `Frame`. The budget on the goroutine's stack is what Go's linker
//! leaves to any chain of nosplit functions (cmd/link/internal/ld/stackcheck.go: 800 bytes; Syscall6's callers use less than
//! 250): we use up to 150 bytes there, and two small functions of Rust's that call nothing (quick.rs).
//!
//! What a call means is not decided here.

use super::stack::offset::{ARGS, BACK, BIT, FREE, NEXT, NR, OUTCOME, STACK};
use super::{call, quick};
use crate::host::numbers;
use core::arch::naked_asm;

/// Load the kernel's registers from Go's: a1 to a4 (a5 and a6 are where both want them).
macro_rules! kernel_registers {
    () => {
        "mov r10, rsi
         mov rdx, rdi
         mov rsi, rcx
         mov rdi, rbx" // as Syscall6 itself began: a4, a3, a2, a1
    };
}

/// Turn the kernel's answer in rax, and a3 in rdx, into Go's three results, and return.
macro_rules! answer {
    () => {
        "cmp rax, -4095
         jae 99f
         mov rbx, rdx
         xor ecx, ecx
         ret
         99:
         neg rax
         mov rcx, rax
         mov rax, -1
         xor ebx, ebx
         ret" // jae: an error (unsigned). Success: r1 = rax, r2 = rdx, errno = 0. Error: r1 = -1, r2 = 0, errno = -rax
    };
}

/// On a frame's stack, while r12 is the frame: the caller's stack pointer lies in it. In DWARF: CFA = *(r12 + STACK) + 8.
/// (DW_CFA_def_cfa_expression, 5 bytes: DW_OP_breg12 56, DW_OP_deref, DW_OP_plus_uconst 8)
macro_rules! cfi_on_frame {
    () => {
        ".cfi_escape 0x0f, 5, 0x7c, 56, 0x06, 0x23, 8"
    };
}
const _: () = assert!(STACK == 56);

/// Before the SYSCALL. At entry Go's registers hold the call, [rsp] is Syscall6+6, [rsp+8] Syscall6's caller.
///
/// # Safety
/// Only the patch in Syscall6 calls it.
#[unsafe(naked)]
pub unsafe extern "C" fn before() {
    naked_asm!(
        ".cfi_startproc",
        "cmp rax, {numbers}",          // beyond the numbers that we know,
        "jae 2f",                      // or
        "lea r12, [rip + {concern}]",  // a number
        "cmp byte ptr [r12 + rax], 0", // that is none of our business:
        "jne 3f",
        "2:",
        "xor r12d, r12d",              // nothing to do afterwards
        kernel_registers!(),
        "ret",                         // to the SYSCALL
        "3:",
        // A number of ours: does this call concern us? Rust's answer, on this stack, all registers of the call saved.
        "push rax",
        ".cfi_adjust_cfa_offset 8",
        "push rcx",
        ".cfi_adjust_cfa_offset 8",
        "push rdi",
        ".cfi_adjust_cfa_offset 8",
        "push rsi",
        ".cfi_adjust_cfa_offset 8",
        "push r8",
        ".cfi_adjust_cfa_offset 8",
        "push r9",
        ".cfi_adjust_cfa_offset 8",
        "mov r12, rsp",                // Rust keeps r12
        ".cfi_def_cfa_register r12",
        "and rsp, -16",                // C's alignment; Go's is 8
        "mov rdx, rcx",                // third argument: a2
        "mov rcx, rdi",                // fourth: a3
        "mov r9, r8",                  // sixth: a5
        "mov r8, rsi",                 // fifth: a4
        "mov rsi, rbx",                // second: a1
        "mov rdi, rax",                // first: the number
        "call {decide}",               // 0, TELL, LOOK, READ or a frame
        "mov rsp, r12",
        ".cfi_def_cfa_register rsp",
        "mov r12, rax",                // for `after`
        "pop r9",
        ".cfi_adjust_cfa_offset -8",
        "pop r8",
        ".cfi_adjust_cfa_offset -8",
        "pop rsi",
        ".cfi_adjust_cfa_offset -8",
        "pop rdi",
        ".cfi_adjust_cfa_offset -8",
        "pop rcx",
        ".cfi_adjust_cfa_offset -8",
        "pop rax",
        ".cfi_adjust_cfa_offset -8",
        "cmp r12, {frames}",           // a frame's address?
        "jae 4f",
        "mov r13, rax",                // `after` needs the number, and rax will be the answer
        kernel_registers!(),
        "mov rbx, [rsp]",              // and Syscall6+6, should the call be followed by another
        "ret",                         // to the SYSCALL
        "4:",
        // The engine's business: put the call into the frame and go on there.
        "mov [r12 + {nr}], rax",
        "mov [r12 + {args}], rbx",
        "mov [r12 + {args} + 8], rcx",
        "mov [r12 + {args} + 16], rdi",
        "mov [r12 + {args} + 24], rsi",
        "mov [r12 + {args} + 32], r8",
        "mov [r12 + {args} + 40], r9",
        "mov rcx, [rsp]",              // Syscall6+6
        "mov [r12 + {back}], rcx",
        "mov [r12 + {stack}], rsp",
        "mov rdi, r12",                // the argument
        "mov rsp, r12",                // the frame's stack ends where the frame begins (a multiple of 64)
        cfi_on_frame!(),
        "call {begin}",                // DONE, CALL, PLAIN or TELL_AFTER
        "mov rsp, [r12 + {stack}]",    // back on the goroutine's stack
        ".cfi_def_cfa rsp, 8",
        "xorps xmm15, xmm15",          // Go's zero; Rust may have used it
        "cmp eax, {call}",
        "jne 5f",
        "mov rax, [r12 + {next}]",     // a call for the engine: its number
        "mov rdi, [r12 + {next} + 8]", // and arguments
        "mov rsi, [r12 + {next} + 16]",
        "mov rdx, [r12 + {next} + 24]",
        "mov r10, [r12 + {next} + 32]",
        "mov r8, [r12 + {next} + 40]",
        "mov r9, [r12 + {next} + 48]",
        "ret",                         // to the SYSCALL; r12 is the frame
        "5:",
        "mov r11, [r12 + {free}]",     // what follows needs no frame: its place in the free list
        "mov r10, [r12 + {bit}]",
        "test eax, eax",               // DONE?
        "jz 6f",
        "mov r13, [r12 + {nr}]",       // the program's own call: its number
        "mov rdi, [r12 + {args}]",     // and arguments
        "mov rsi, [r12 + {args} + 8]",
        "mov rdx, [r12 + {args} + 16]",
        "mov rcx, [r12 + {args} + 24]",
        "mov r8, [r12 + {args} + 32]",
        "mov r9, [r12 + {args} + 40]",
        "lea r12d, [rax - {plain}]",   // PLAIN: 0; TELL_AFTER: TELL
        "lock or [r11], r10",          // give the frame back. Release: pairs with `take`
        "mov r10, rcx",                // a4
        "mov rax, r13",
        "mov rbx, [rsp]",              // Syscall6+6
        "ret",                         // to the SYSCALL
        "6:",
        "mov rax, [r12 + {outcome}]",  // over without the SYSCALL: the answer
        "mov rdx, [r12 + {args} + 16]", // the kernel would have left a3 there
        "lock or [r11], r10",          // give the frame back
        "add rsp, 8",                  // not into Syscall6: to its caller
        ".cfi_adjust_cfa_offset -8",
        answer!(),
        ".cfi_endproc",
        numbers = const numbers::NUMBERS,
        concern = sym numbers::CONCERN,
        decide = sym quick::decide,
        begin = sym call::begin,
        frames = const quick::FRAMES,
        call = const call::CALL,
        plain = const call::PLAIN,
        nr = const NR,
        args = const ARGS,
        stack = const STACK,
        free = const FREE,
        bit = const BIT,
        next = const NEXT,
        outcome = const OUTCOME,
        back = const BACK,
    )
}
const _: () = assert!(call::DONE == 0 && call::TELL_AFTER - call::PLAIN == quick::TELL);

/// After the SYSCALL. At entry rax is the kernel's answer, its other registers still hold the call (but rcx and r11), r12, r13 and
/// rbx what `before` left in them; [rsp] is Syscall6's caller.
///
/// # Safety
/// Only the patch in Syscall6 jumps here.
#[unsafe(naked)]
pub unsafe extern "C" fn after() {
    naked_asm!(
        ".cfi_startproc",
        "test r12, r12",               // nothing to do?
        "jnz 2f",
        answer!(),
        "2:",
        "cmp r12, {frames}",           // a frame: its operation goes on
        "jae 4f",
        // Something to tell of, or to look at. Is there? Rust's answer, as in `before`.
        "push rbx",
        ".cfi_adjust_cfa_offset 8",
        "push rax",
        ".cfi_adjust_cfa_offset 8",
        "push rdi",
        ".cfi_adjust_cfa_offset 8",
        "push rsi",
        ".cfi_adjust_cfa_offset 8",
        "push rdx",
        ".cfi_adjust_cfa_offset 8",
        "push r10",
        ".cfi_adjust_cfa_offset 8",
        "push r8",
        ".cfi_adjust_cfa_offset 8",
        "push r9",
        ".cfi_adjust_cfa_offset 8",
        "mov rbx, rsp",                // Rust keeps rbx
        ".cfi_def_cfa_register rbx",
        "and rsp, -16",                // C's alignment
        "mov rcx, rdi",                // fourth: a1
        "mov rdi, r12",                // first argument: TELL, LOOK or READ
        "mov rdx, rsi",                // third: a2
        "mov rsi, rax",                // second: the answer
        "call {worth}",                // a frame, or 0
        "mov rsp, rbx",
        ".cfi_def_cfa_register rsp",
        "mov rbx, rax",                // the frame
        "pop r9",
        ".cfi_adjust_cfa_offset -8",
        "pop r8",
        ".cfi_adjust_cfa_offset -8",
        "pop r10",
        ".cfi_adjust_cfa_offset -8",
        "pop rdx",
        ".cfi_adjust_cfa_offset -8",
        "pop rsi",
        ".cfi_adjust_cfa_offset -8",
        "pop rdi",
        ".cfi_adjust_cfa_offset -8",
        "pop rax",
        ".cfi_adjust_cfa_offset -8",
        "pop rcx",                     // Syscall6+6
        ".cfi_adjust_cfa_offset -8",
        "test rbx, rbx",               // nothing after all
        "jnz 3f",
        answer!(),
        "3:",
        "mov r11, r12",                // TELL, LOOK or READ
        "mov r12, rbx",                // the frame
        "mov [r12 + {back}], rcx",
        "mov [r12 + {nr}], r13",       // the call
        "mov [r12 + {args}], rdi",
        "mov [r12 + {args} + 8], rsi",
        "mov [r12 + {args} + 16], rdx",
        "mov [r12 + {args} + 24], r10",
        "mov [r12 + {args} + 32], r8",
        "mov [r12 + {args} + 40], r9",
        "mov [r12 + {outcome}], rax",
        "mov [r12 + {stack}], rsp",
        "mov rdi, r12",                // first argument
        "mov rsi, r11",                // second
        "mov rsp, r12",                // on the frame's stack
        cfi_on_frame!(),
        "call {told}",                 // DONE or CALL
        "jmp 5f",
        "4:",
        "mov [r12 + {outcome}], rax",
        "mov [r12 + {stack}], rsp",
        "mov rdi, r12",                // the argument
        "mov rsp, r12",                // on the frame's stack
        "call {resume}",               // DONE or CALL
        "5:",
        "mov rsp, [r12 + {stack}]",    // back on the goroutine's stack
        ".cfi_def_cfa rsp, 8",
        "xorps xmm15, xmm15",          // Go's zero
        "cmp eax, {call}",
        "jne 6f",
        "mov r11, [r12 + {back}]",     // another call for the engine: Syscall6+6,
        "mov rax, [r12 + {next}]",     // its number
        "mov rdi, [r12 + {next} + 8]", // and arguments
        "mov rsi, [r12 + {next} + 16]",
        "mov rdx, [r12 + {next} + 24]",
        "mov r10, [r12 + {next} + 32]",
        "mov r8, [r12 + {next} + 40]",
        "mov r9, [r12 + {next} + 48]",
        "add r11, 6",                  // Syscall6+12:
        "jmp r11",                     // to the SYSCALL once more
        "6:",
        "mov rax, [r12 + {outcome}]",  // the answer
        "mov rdx, [r12 + {args} + 16]", // a3
        "mov r11, [r12 + {free}]",
        "mov r10, [r12 + {bit}]",
        "lock or [r11], r10",          // give the frame back. Release: pairs with `take`
        answer!(),
        ".cfi_endproc",
        frames = const quick::FRAMES,
        worth = sym quick::worth,
        told = sym call::told,
        resume = sym call::resume,
        call = const call::CALL,
        nr = const NR,
        args = const ARGS,
        stack = const STACK,
        free = const FREE,
        bit = const BIT,
        next = const NEXT,
        outcome = const OUTCOME,
        back = const BACK,
    )
}
