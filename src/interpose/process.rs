//! vfork and clone: whose memory this is.
//!
//! A child that shares our memory may read the engine's tables and never writes them, so the engine is told before and after.
//! What a new program is told belongs in `exec`.

use crate::host::{errno, next};
use crate::ENGINE;
use core::ffi::c_int;
use netdeadline_engine::sys::Kernel;

/// vfork(2).
///
/// Not a Rust function with a body: the child returns first, on the same stack, and would overwrite the frame that the parent
/// returns through. As in libc's own, the return address waits in a register (man 2 vfork; the kernel keeps rdi).
///
/// # Safety
/// libc's.
#[no_mangle]
#[unsafe(naked)]
pub unsafe extern "C" fn vfork() -> c_int {
    core::arch::naked_asm!(
        ".cfi_startproc",
        "sub rsp, 8",                // align the stack for a C call
        ".cfi_adjust_cfa_offset 8",
        "call {before}",             // tell the engine that our memory is about to be lent
        "add rsp, 8",                // the stack as at entry
        ".cfi_adjust_cfa_offset -8",
        "mov esi, eax",              // what it answered waits in another (the kernel keeps all but rax, rcx and r11)
        "pop rdi",                   // the return address: the child will overwrite its place on the stack
        ".cfi_adjust_cfa_offset -8",
        ".cfi_register rip, rdi",    // that is where it is now
        "mov eax, {nr}",             // SYS_vfork
        "syscall",                   // returns twice: in the child, and when that is gone in the parent
        "push rdi",                  // the return address where `ret` looks for it
        ".cfi_adjust_cfa_offset 8",
        ".cfi_rel_offset rip, 0",
        "test eax, eax",             // 0: the child
        "jz 2f",                     // it returns at once and changes nothing
        "mov edi, eax",              // the parent: pid or negated errno, the C function's first argument; esi is the second
        "sub rsp, 8",                // align
        ".cfi_adjust_cfa_offset 8",
        "call {after}",              // the memory is ours again; answers in libc's form
        "add rsp, 8",                // undo
        ".cfi_adjust_cfa_offset -8",
        "2:",
        "ret",                       // result in eax
        ".cfi_endproc",
        before = sym before_vfork,
        after = sym after_vfork,
        nr = const libc::SYS_vfork,
    )
}

extern "C" fn before_vfork() -> c_int {
    c_int::from(lend())
}

extern "C" fn after_vfork(outcome: c_int, lent: c_int) -> c_int {
    if lent != 0 {
        ENGINE.process.lend(&ENGINE.kernel, -1);
    }
    errno::in_libc_form(outcome as isize) as c_int
}

/// Note that our memory is about to be lent. Not by one who has it on loan himself (a vfork child that vforks): he would make
/// himself its owner, and the parent's other threads borrowers. True if it has to be taken back.
fn lend() -> bool {
    let own = !ENGINE.process.borrowed(&ENGINE.kernel);
    if own {
        // A forked child has none yet.
        ENGINE.process.epoch(&ENGINE.kernel);
        ENGINE.process.lend(&ENGINE.kernel, 1);
    }
    own
}

/// vfork(2) by the other name that glibc has for it.
///
/// # Safety
/// libc's.
#[no_mangle]
#[unsafe(naked)]
pub unsafe extern "C" fn __vfork() -> c_int {
    core::arch::naked_asm!("jmp {vfork}", vfork = sym vfork) // the same, on the caller's stack as it is
}

/// clone(2), libc's form. Variadic in C; seven register-sized arguments cover it.
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn clone(
    entry: usize,
    stack: usize,
    flags: c_int,
    argument: usize,
    a: usize,
    b: usize,
    c: usize,
) -> c_int {
    let shares = flags & libc::CLONE_VM != 0 && flags & libc::CLONE_THREAD == 0;
    let lent = shares && lend();
    if lent && flags & libc::CLONE_NEWPID != 0 && ENGINE.kernel.call(libc::SYS_getpid, [0; 6]) == 1 {
        // A PID 1 and its child in a new namespace have the same pid: nobody owns the memory meanwhile.
        ENGINE.process.disown();
    }
    // SAFETY: the program's own call.
    let child = unsafe { next::clone(entry, stack, flags, argument, a, b, c) };
    if lent && (child < 0 || flags & libc::CLONE_VFORK != 0) {
        // The parent was suspended until the child had memory of its own.
        ENGINE.process.lend(&ENGINE.kernel, -1);
    }
    child
}

/// clone(2) by the other name that glibc has for it.
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn __clone(
    entry: usize,
    stack: usize,
    flags: c_int,
    argument: usize,
    a: usize,
    b: usize,
    c: usize,
) -> c_int {
    // SAFETY: the same function.
    unsafe { clone(entry, stack, flags, argument, a, b, c) }
}
