//! prctl and seccomp: before a filter is installed, a child tries whether our calls survive it.
//!
//! What is tried is the engine's to say (`op::probe`); here is what needs a process of its own.

use super::{errno, next};
use crate::ENGINE;
use core::ffi::c_int;
use netdeadline_engine::op;
use netdeadline_engine::sys::{file, Kernel};

const STRICT: &str = "seccomp strict mode: from here on no deadline is enforced in this process";
const FILTER: &str =
    "a seccomp filter forbids calls that deadlines need: from here on none is enforced in this process";

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

/// A program is about to call prctl(PR_SET_SECCOMP) or seccomp(): `mode` is SECCOMP_MODE_*; `call` the system call.
pub fn before_seccomp(mode: c_int, call: &[usize; 6]) {
    let before = errno::load();
    if mode == libc::SECCOMP_MODE_STRICT as c_int {
        ENGINE.retire_for(STRICT);
    } else if !survives(Some(call)) {
        ENGINE.retire_for(FILTER);
    }
    errno::store(before);
}

/// We were started under a filter: is it one that lets us work?
pub fn started_under_filter() {
    let k = &ENGINE.kernel;
    // PR_GET_SECCOMP itself is allowed by every filter that lets a dynamic program start.
    let mode = k.call(libc::SYS_prctl, [libc::PR_GET_SECCOMP as usize, 0, 0, 0, 0, 0]);
    if mode == libc::SECCOMP_MODE_FILTER as isize && !survives(None) {
        ENGINE.retire_for(FILTER);
    }
}

/// Make the engine's calls in a child, under the filter that `call` installs. False if the child did not come through.
fn survives(call: Option<&[usize; 6]>) -> bool {
    let k = &ENGINE.kernel;
    let mut pair = [0_i32; 2];
    let kind = (libc::SOCK_STREAM | libc::SOCK_CLOEXEC) as usize;
    let args = [libc::AF_UNIX as usize, kind, 0, pair.as_mut_ptr() as usize, 0, 0];
    if k.call(libc::SYS_socketpair, args) != 0 {
        return false;
    }
    let set = k.call(libc::SYS_epoll_create1, [libc::EPOLL_CLOEXEC as usize, 0, 0, 0, 0, 0]);
    let survived = set >= 0 && child_survives(call, pair, set as i32);
    let _ = file::close(k, set as i32);
    pair.iter().for_each(|fd| {
        let _ = file::close(k, *fd);
    });
    survived
}

fn child_survives(call: Option<&[usize; 6]>, pair: [i32; 2], set: i32) -> bool {
    let k = &ENGINE.kernel;
    // No exit signal: the program's SIGCHLD handler and its wait() never hear of the child.
    let child = k.call(libc::SYS_clone, [0; 6]);
    if child < 0 {
        return false;
    }
    if child == 0 {
        // No core, and no message in a terminal, for a death that is part of the plan.
        k.call(libc::SYS_prctl, [libc::PR_SET_DUMPABLE as usize, 0, 0, 0, 0, 0]);
        if let Some([nr, a, b, c, d, e]) = call {
            if k.call(*nr as i64, [*a, *b, *c, *d, *e, 0]) < 0 {
                // The program's own call will fail as well: nothing changes.
                leave(0);
            }
        }
        leave(if op::probe(k, pair, set) { 0 } else { 1 });
    }
    let mut status: c_int = -1;
    loop {
        let wait = [child as usize, &raw mut status as usize, 0x4000_0000, 0, 0, 0]; // __WALL
        match k.call(libc::SYS_wait4, wait) {
            n if n == child => return status == 0,
            n if n == -(libc::EINTR as isize) => {}
            _ => return false,
        }
    }
}

fn leave(code: usize) -> ! {
    loop {
        ENGINE.kernel.call(libc::SYS_exit_group, [code, 0, 0, 0, 0, 0]);
        // A filter may answer EPERM to that: then die of a fault, which no filter forbids.
        errno::abort();
    }
}
