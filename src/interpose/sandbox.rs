//! prctl: a program that is about to install a seccomp filter by it. (seccomp(2) has no function in libc: see `syscall`.)

use crate::host::{errno, next};
use crate::{host, ENGINE};
use core::ffi::c_int;

/// prctl(2). Variadic in C; five register arguments cover every option.
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn prctl(option: c_int, a: usize, b: usize, c: usize, d: usize) -> c_int {
    if option == libc::PR_SET_SECCOMP && ENGINE.active() {
        before_seccomp(a as c_int, &[libc::SYS_prctl as usize, option as usize, a, b, c, d]);
    }
    // SAFETY: the program's own call.
    unsafe { next::prctl(option, a, b, c, d) }
}

/// A program is about to install a filter: `host::sandbox::before_seccomp`, errno untouched.
pub fn before_seccomp(mode: c_int, call: &[usize; 6]) {
    let before = errno::load();
    host::sandbox::before_seccomp(mode, call);
    errno::store(before);
}
