//! setsockopt and getsockopt.

use super::connections::note;
use crate::host::next;
use crate::ENGINE;
use core::ffi::{c_int, c_void};
use netdeadline_engine::op;

/// setsockopt(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: u32) -> c_int {
    if level != libc::SOL_SOCKET {
        // SAFETY: the program's own call.
        return unsafe { next::setsockopt(fd, level, name, value, len) };
    }
    // SAFETY: the program's own call.
    let result = unsafe { next::setsockopt(fd, level, name, value, len) };
    note(result, |_| op::set_option(&ENGINE, fd, level, name, value as usize, len as usize))
}

/// getsockopt(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, len: *mut u32) -> c_int {
    if level != libc::SOL_SOCKET || name != libc::SO_ERROR {
        // SAFETY: the program's own call.
        return unsafe { next::getsockopt(fd, level, name, value, len) };
    }
    // SAFETY: the program's own call.
    let result = unsafe { next::getsockopt(fd, level, name, value, len) };
    // SAFETY: on success the kernel has read and written `len`.
    if result != 0 || unsafe { *len } < 4 {
        return result;
    }
    note(result, |_| op::fetched_option(&ENGINE, fd, level, name, value as usize))
}
