//! socket, socketpair, connect, accept, accept4, shutdown.

use crate::host::{drive::drive, next};
use crate::ENGINE;
use core::ffi::c_int;
use netdeadline_engine::op::{self, Accept, Connect};

/// connect(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn connect(fd: c_int, address: *const libc::sockaddr, len: u32) -> c_int {
    if !ENGINE.anything_tracked() {
        // SAFETY: the program's own call.
        return unsafe { next::connect(fd, address, len) };
    }
    drive(move || Connect::new(fd, address as usize, len as usize)) as c_int
}

/// accept(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn accept(fd: c_int, address: *mut libc::sockaddr, len: *mut u32) -> c_int {
    let new = if ENGINE.movable() {
        drive(move || Accept::new(fd, address as usize, len as usize, None)) as c_int
    } else {
        // SAFETY: the program's own call.
        unsafe { next::accept(fd, address, len) }
    };
    came(new, |new| op::accepted(&ENGINE, new))
}

/// accept4(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn accept4(fd: c_int, address: *mut libc::sockaddr, len: *mut u32, flags: c_int) -> c_int {
    let new = if ENGINE.movable() {
        drive(move || Accept::new(fd, address as usize, len as usize, Some(flags))) as c_int
    } else {
        // SAFETY: the program's own call.
        unsafe { next::accept4(fd, address, len, flags) }
    };
    came(new, |new| op::accepted(&ENGINE, new))
}

/// socket(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    // SAFETY: the program's own call.
    let new = unsafe { next::socket(domain, kind, protocol) };
    came(new, |new| op::socket_created(&ENGINE, new))
}

/// socketpair(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int {
    // SAFETY: the program's own call.
    let result = unsafe { next::socketpair(domain, kind, protocol, pair) };
    note(result, |_| op::paired(&ENGINE, pair as usize))
}

/// shutdown(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn shutdown(fd: c_int, how: c_int) -> c_int {
    // SAFETY: the program's own call.
    let result = unsafe { next::shutdown(fd, how) };
    if result == 0 && ENGINE.concerns(fd) {
        note(0, |_| op::shut_down(&ENGINE, fd, how));
    }
    result
}

/// Tell the engine of a new number, where that can concern it.
#[inline(always)]
fn came(new: c_int, tell: impl FnOnce(c_int)) -> c_int {
    if new >= 0 && (ENGINE.anything_tracked() || ENGINE.closes(new)) {
        return note(new, tell);
    }
    new
}

/// Tell the engine of a call's success. (Its own system calls are bare ones, which do not know errno.)
#[inline(always)]
pub(super) fn note(result: c_int, tell: impl FnOnce(c_int)) -> c_int {
    if result >= 0 && ENGINE.active() {
        tell(result);
    }
    result
}
