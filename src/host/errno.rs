//! errno, which exists in the doors alone: below them errors are the kernel's negated numbers.

use super::weak::weak;
use core::ffi::c_int;

type Location = extern "C" fn() -> *mut c_int;

fn place() -> Option<*mut c_int> {
    let location = weak!(__errno_location);
    if location == 0 {
        return None;
    }
    // SAFETY: the loader found the name, and C gives it this type.
    let location: Location = unsafe { core::mem::transmute(location) };
    Some(location())
}

/// Where the calling thread's errno is; 0 in a process without libc.
pub fn address() -> usize {
    place().map_or(0, |errno| errno as usize)
}

/// The calling thread's errno.
pub fn load() -> c_int {
    // SAFETY: libc's answer points to the thread's own errno.
    place().map_or(0, |errno| unsafe { *errno })
}

/// Set the calling thread's errno.
pub fn store(value: c_int) {
    if let Some(errno) = place() {
        // SAFETY: as in `load`.
        unsafe { *errno = value };
    }
}

/// libc's form of a kernel's answer: -1 and errno.
pub fn in_libc_form(outcome: isize) -> isize {
    if (-4095..0).contains(&outcome) {
        store(-outcome as c_int);
        return -1;
    }
    outcome
}

/// The kernel's form of a libc function's answer.
pub fn in_kernel_form(result: isize) -> isize {
    if result == -1 {
        // An error without a number, from a preload behind us, stays an error: 0 would be the end of the data.
        -(load().clamp(1, 4095) as isize)
    } else {
        result
    }
}

/// ENOSYS.
pub fn unsupported() -> isize {
    in_libc_form(-(libc::ENOSYS as isize))
}

/// What a fortified function does when its caller's buffer is too small and libc's own handler is not there.
pub fn abort() {
    // SAFETY: ends the process; nothing is touched.
    unsafe { core::arch::asm!("ud2", options(noreturn, nomem, nostack)) } // a buffer overflow was about to happen
}
