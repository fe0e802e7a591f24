//! Sandboxes: before a seccomp filter is installed, a child tries whether our calls survive it.
//!
//! What is tried is the engine's to say (`op::probe`); here is what needs a process of its own. The names by which a program
//! installs its filter are the doors'.

use crate::ENGINE;
use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering::*};
use netdeadline_engine::op;
use netdeadline_engine::sys::signal::{self, Signals};
use netdeadline_engine::sys::{file, Kernel};

const STRICT: &str = "seccomp strict mode: from here on no deadline is enforced in this process";
const FILTER: &str =
    "a seccomp filter forbids calls that deadlines need: from here on none is enforced in this process";

/// A program is about to call prctl(PR_SET_SECCOMP) or seccomp(): `mode` is SECCOMP_MODE_*; `call` the system call.
pub fn before_seccomp(mode: c_int, call: &[usize; 6]) {
    if ENGINE.process.borrowed(&ENGINE.kernel) {
        // A vfork child's filter is its own. Its calls are plain anyway, and it would retire its parent.
        return;
    }
    ENGINE.seal_page();
    let why = match mode == libc::SECCOMP_MODE_STRICT as c_int {
        true => Some(STRICT),
        false if ENGINE.active() && !survives(Some(call)) => Some(FILTER),
        false => None,
    };
    if let Some(why) = why.filter(|_| ENGINE.active()) {
        // Said now, while it can be said.
        ENGINE.say(why);
        ENGINE.retire();
    }
}

/// Were we started under a filter, and is it one that lets us work?
pub fn started_under_filter() {
    if !filtered() {
        return;
    }
    ENGINE.seal_page();
    if !survives(None) {
        ENGINE.retire();
        // Saying it needs calls that the filter may kill for as well: another child says it.
        in_child(|| ENGINE.say(FILTER));
    }
}

/// Is a filter in force? Asked of /proc/self/status, for opening and reading a file is what the dynamic loader has just done:
/// no filter that let us start kills for it. (prctl would be another call that might be forbidden.)
fn filtered() -> bool {
    let k = &ENGINE.kernel;
    let Ok(fd) = file::open(k, c"/proc/self/status", libc::O_RDONLY | libc::O_CLOEXEC, 0) else { return false };
    // Thousands of groups may come before it.
    const LINE: &[u8] = b"\nSeccomp:\t2";
    let mut text = [0_u8; 512];
    let mut seen = 0;
    while seen < LINE.len() {
        let count = k.call(libc::SYS_read, [fd as usize, text.as_mut_ptr() as usize, text.len(), 0, 0, 0]);
        if count <= 0 {
            break;
        }
        for byte in text.iter().take(count as usize) {
            match LINE.get(seen) {
                Some(next) if next == byte => seen += 1,
                Some(_) => seen = usize::from(*byte == b'\n'),
                None => break,
            }
        }
    }
    let _ = file::close(k, fd);
    seen == LINE.len()
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
    let shared = (libc::MAP_SHARED | libc::MAP_ANONYMOUS) as usize;
    let access = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    let page = k.call(libc::SYS_mmap, [0, 4096, access, shared, usize::MAX, 0]);
    let usable = set >= 0 && !(-4095..0).contains(&page);
    let survived = usable && child_survives(call, pair, set as i32, page as usize);
    if usable {
        k.call(libc::SYS_munmap, [page as usize, 4096, 0, 0, 0, 0]);
    }
    for fd in [pair[0], pair[1], set as i32] {
        let _ = file::close(k, fd);
    }
    survived
}

/// `page` is shared with the child: it says there that it came through.
fn child_survives(call: Option<&[usize; 6]>, pair: [i32; 2], set: i32, page: usize) -> bool {
    let k = &ENGINE.kernel;
    // SAFETY: a page of ours, mapped until after this; both processes use it through atomics only.
    let came_through = unsafe { &*(page as *const AtomicU32) };
    // No handler of the program's runs in the child, except for what the filter itself traps. At the start there is none.
    const ALL_BUT_SIGSYS: Signals = Signals(!Signals::of(&[libc::SIGSYS]).0);
    let held = call.and_then(|_| signal::block(k, ALL_BUT_SIGSYS).ok());
    let child = in_child(|| {
        let refused = call.is_some_and(|call| k.call(call[0] as i64, arguments(call)) < 0);
        // A refused filter: the program's own call will be refused as well, and nothing changes.
        if refused || op::probe(k, pair, set) {
            came_through.store(1, Release);
        }
    });
    if let Some(held) = held {
        let _ = signal::set_mask(k, held);
    }
    if child < 0 || came_through.load(Acquire) == 0 {
        // A child that died stays a zombie which no ordinary wait() sees: wait4 may be what it died of.
        return false;
    }
    let mut status: c_int = 0;
    let wait = [child as usize, &raw mut status as usize, libc::__WALL as usize, 0, 0, 0];
    while k.call(libc::SYS_wait4, wait) == -(libc::EINTR as isize) {}
    true
}

/// The call's arguments as the child makes it: without a listener, for whom the child would wait for ever. Calls that a
/// listener would hear of then answer ENOSYS (man 2 seccomp_unotify).
fn arguments(call: &[usize; 6]) -> [usize; 6] {
    const LISTENER_FLAGS: usize = 1 << 3 | 1 << 5; // SECCOMP_FILTER_FLAG_NEW_LISTENER, _WAIT_KILLABLE_RECV
    let [nr, a, b, c, d, e] = *call;
    let b = if nr == libc::SYS_seccomp as usize { b & !LISTENER_FLAGS } else { b };
    [a, b, c, d, e, 0]
}

/// Do something in a child that may die of it. We go on when the child is gone (CLONE_VFORK), without a call that the filter might
/// forbid. No exit signal: the program's SIGCHLD handler and its wait() never hear of the child.
fn in_child(what: impl FnOnce()) -> isize {
    let k = &ENGINE.kernel;
    let child = k.call(libc::SYS_clone, [libc::CLONE_VFORK as usize, 0, 0, 0, 0, 0]);
    if child == 0 {
        // No core for a death that is part of the plan. (prctl may be what it dies of.)
        k.call(libc::SYS_prctl, [libc::PR_SET_DUMPABLE as usize, 0, 0, 0, 0, 0]);
        what();
        leave();
    }
    child
}

fn leave() -> ! {
    ENGINE.kernel.call(libc::SYS_exit_group, [0; 6]);
    // A filter may answer EPERM to that; no filter forbids a fault.
    // SAFETY: ends the process; nothing is touched.
    unsafe { core::arch::asm!("ud2", options(noreturn, nomem, nostack)) } // die of it
}
