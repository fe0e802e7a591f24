//! System calls made by our own instruction. Not libc's functions: our library may be preloaded into this very command, and
//! would take `execve` for a child's and start the launcher again, for ever.
//!
//! What the calls are for does not belong here.

use std::ffi::{c_char, CStr};
use std::io;

/// Make a system call; an error is -errno, as the kernel has it.
///
/// # Safety
/// As for that call: pointers among the arguments point to what the kernel will read or write.
pub unsafe fn call(number: libc::c_long, arguments: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = arguments;
    let result: isize;
    // SAFETY: the caller's word; the kernel keeps every register but these (x86-64 ABI, A.2.1).
    unsafe {
        core::arch::asm!(
            "syscall", // number in rax, arguments in rdi rsi rdx r10 r8 r9; the result comes back in rax
            inlateout("rax") number as isize => result,
            in("rdi") a,
            in("rsi") b,
            in("rdx") c,
            in("r10") d,
            in("r8") e,
            in("r9") f,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// The result of a call as Rust has it.
pub fn answer(result: isize) -> io::Result<usize> {
    match result {
        -4095..0 => Err(io::Error::from_raw_os_error(-result as i32)),
        result => Ok(result as usize),
    }
}

/// Fork, with no signal to us when the child ends: waiting for any child does not see it either (wait(2), __WALL). Returns 0
/// in the child.
///
/// # Safety
/// This process has one thread, so that nothing is half done in the child's copy of it.
pub unsafe fn fork_unseen() -> io::Result<libc::pid_t> {
    // SAFETY: all of it 0: no flag, no signal, no stack of its own: a copy of us, as fork(2) makes it.
    answer(unsafe { call(libc::SYS_clone, [0; 6]) }).map(|pid| pid as libc::pid_t)
}

/// execve; returns only its error.
///
/// # Safety
/// `arguments` and `environment` are arrays of C strings that end with null.
pub unsafe fn execute(file: &CStr, arguments: *const *const c_char, environment: *const *const c_char) -> io::Error {
    // SAFETY: three C strings or arrays of them, by the caller's word.
    let result =
        unsafe { call(libc::SYS_execve, [file.as_ptr() as usize, arguments as usize, environment as usize, 0, 0, 0]) };
    io::Error::from_raw_os_error(-result as i32)
}
