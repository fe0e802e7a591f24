//! close, close_range, closefrom, dup, dup2, dup3, pidfd_getfd, fcntl, ioctl.

use super::connections::note;
use crate::host::{errno, next};
use crate::ENGINE;
use core::ffi::{c_int, c_uint, c_ulong};
use netdeadline_engine::op::{self, Close};

const CLOSE_RANGE_UNSHARE: c_int = 2;

/// close(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn close(fd: c_int) -> c_int {
    if !ENGINE.closes(fd) {
        // SAFETY: the program's own call.
        return unsafe { next::close(fd) };
    }
    close_known(fd)
}

/// Out of line, so that the usual close saves no registers.
#[inline(never)]
fn close_known(fd: c_int) -> c_int {
    if ENGINE.active() {
        match op::close(&ENGINE, fd) {
            Close::Call => {}
            Close::NotOpen => return errno::in_libc_form(-(libc::EBADF as isize)) as c_int,
            Close::CallAndTell(index) => {
                // SAFETY: the program's own call.
                let result = unsafe { next::close(fd) };
                // Also after an error: the number is free (man 2 close).
                op::closed(&ENGINE, fd, index);
                return result;
            }
        }
    }
    // SAFETY: the program's own call.
    unsafe { next::close(fd) }
}

/// close_range(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn close_range(first: u32, last: u32, flags: c_int) -> c_int {
    // With CLOSE_RANGE_CLOEXEC nothing is closed, and with flags that no kernel knows nothing happens.
    let closes = ENGINE.active() && flags & !CLOSE_RANGE_UNSHARE == 0 && first <= last;
    if closes {
        note(0, |_| op::close_range(&ENGINE, first, last));
    }
    // SAFETY: the program's own call.
    let result = unsafe { next::close_range(first, last, flags) };
    if closes {
        note(result, |_| op::closed_range(&ENGINE, first, last));
    }
    result
}

/// closefrom(3).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn closefrom(first: c_int) {
    let from = first.max(0) as u32;
    note(0, |_| op::close_range(&ENGINE, from, u32::MAX));
    // SAFETY: the program's own call.
    unsafe { next::closefrom(first) };
    note(0, |_| op::closed_range(&ENGINE, from, u32::MAX));
}

/// dup(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn dup(fd: c_int) -> c_int {
    // SAFETY: the program's own call.
    let new = unsafe { next::dup(fd) };
    note(new, |new| op::duplicated(&ENGINE, fd, new))
}

/// dup2(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn dup2(fd: c_int, new: c_int) -> c_int {
    note(0, |_| op::replacing(&ENGINE, fd, new));
    // SAFETY: the program's own call.
    let new = unsafe { next::dup2(fd, new) };
    note(new, |new| op::replaced(&ENGINE, fd, new))
}

/// dup3(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn dup3(fd: c_int, new: c_int, flags: c_int) -> c_int {
    if flags & !libc::O_CLOEXEC == 0 {
        note(0, |_| op::replacing(&ENGINE, fd, new));
    }
    // SAFETY: the program's own call.
    let new = unsafe { next::dup3(fd, new, flags) };
    note(new, |new| op::replaced(&ENGINE, fd, new))
}

/// pidfd_getfd(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn pidfd_getfd(process: c_int, fd: c_int, flags: c_uint) -> c_int {
    // SAFETY: the program's own call.
    let new = unsafe { next::pidfd_getfd(process, fd, flags) };
    note(new, |new| op::passed_fds(&ENGINE, core::iter::once(new)))
}

/// The commands of fcntl that concern us.
pub const COMMANDS: [c_int; 3] = [libc::F_DUPFD, libc::F_DUPFD_CLOEXEC, libc::F_SETFL];

/// fcntl(2). Variadic in C; one register argument covers every command.
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn fcntl(fd: c_int, command: c_int, argument: usize) -> c_int {
    // SAFETY: the program's own call.
    note_command(unsafe { next::fcntl(fd, command, argument) }, fd, command)
}

/// fcntl(2) by the name that large-file programs use.
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn fcntl64(fd: c_int, command: c_int, argument: usize) -> c_int {
    // SAFETY: the program's own call.
    note_command(unsafe { next::fcntl64(fd, command, argument) }, fd, command)
}

fn note_command(result: c_int, fd: c_int, command: c_int) -> c_int {
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => note(result, |new| op::duplicated(&ENGINE, fd, new)),
        libc::F_SETFL => note(result, |_| op::mode_changed(&ENGINE, fd)),
        _ => result,
    }
}

/// The request of ioctl that concerns us.
pub const FIONBIO: u32 = libc::FIONBIO as u32;

/// ioctl(2). Variadic in C; one register argument covers every request.
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn ioctl(fd: c_int, request: c_ulong, argument: usize) -> c_int {
    // SAFETY: the program's own call.
    let result = unsafe { next::ioctl(fd, request, argument) };
    // The kernel looks at 32 bits; musl's callers leave anything in the others, for there it is an int.
    if request as u32 == FIONBIO {
        return note(result, |_| op::mode_changed(&ENGINE, fd));
    }
    result
}
