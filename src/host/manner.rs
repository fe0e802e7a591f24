//! How the calls that the engine asks for are made: by libc's function of the name, or by number.
//!
//! A program's call is made as it came in. libc's functions are not quite the calls of their names (points of cancellation; musl's
//! sendmsg looks at the message, its select keeps what is left of the time to itself), and who calls by number wants the call.
//!
//! Unsafe here means: the program's pointers go to the next function as they came, and nobody looks at them.

use super::raw::MASK;
use super::{errno, next};
use crate::ENGINE;
use core::ffi::{c_int, c_void};
use netdeadline_engine::op::Call;
use netdeadline_engine::sys::Kernel;

/// How calls are made.
pub trait Manner {
    /// Are they points of cancellation?
    const CANCELS: bool;

    /// Make a call: its outcome, a negated errno on failure.
    fn make(call: &Call) -> isize;

    /// ppoll on entries, for a time, of the caller's own: its outcome.
    fn wait(entries: &mut [libc::pollfd], time: *const libc::timespec) -> isize;

    /// recv, in libc's form.
    ///
    /// # Safety
    /// The program's own buffer.
    unsafe fn recv(fd: c_int, buf: *mut c_void, count: usize, flags: c_int) -> isize;

    /// send, in libc's form.
    ///
    /// # Safety
    /// The program's own buffer.
    unsafe fn send(fd: c_int, buf: *const c_void, count: usize, flags: c_int) -> isize;
}

/// By libc's functions, which are points of cancellation.
pub struct ByName;

/// By a function of libc's that is no point of cancellation: so where the wait is ours, it is none.
pub struct Uncancelled;

/// By number, as syscall(2) does: never a point of cancellation.
pub struct ByNumber;

impl Manner for ByName {
    const CANCELS: bool = true;

    fn make(call: &Call) -> isize {
        errno::in_kernel_form(by_name(call))
    }

    #[inline(always)]
    fn wait(entries: &mut [libc::pollfd], time: *const libc::timespec) -> isize {
        // SAFETY: the caller's own, alive during the call.
        let result = unsafe { next::ppoll(entries.as_mut_ptr(), entries.len() as u64, time, core::ptr::null()) };
        errno::in_kernel_form(result as isize)
    }

    #[inline(always)]
    unsafe fn recv(fd: c_int, buf: *mut c_void, count: usize, flags: c_int) -> isize {
        // SAFETY: the caller's word.
        unsafe { next::recv(fd, buf, count, flags) }
    }

    #[inline(always)]
    unsafe fn send(fd: c_int, buf: *const c_void, count: usize, flags: c_int) -> isize {
        // SAFETY: the caller's word.
        unsafe { next::send(fd, buf, count, flags) }
    }
}

impl Manner for Uncancelled {
    const CANCELS: bool = false;

    fn make(call: &Call) -> isize {
        ByName::make(call)
    }

    fn wait(entries: &mut [libc::pollfd], time: *const libc::timespec) -> isize {
        ByNumber::wait(entries, time)
    }

    unsafe fn recv(fd: c_int, buf: *mut c_void, count: usize, flags: c_int) -> isize {
        // SAFETY: the caller's word.
        unsafe { ByName::recv(fd, buf, count, flags) }
    }

    unsafe fn send(fd: c_int, buf: *const c_void, count: usize, flags: c_int) -> isize {
        // SAFETY: the caller's word.
        unsafe { ByName::send(fd, buf, count, flags) }
    }
}

impl Manner for ByNumber {
    const CANCELS: bool = false;

    fn make(call: &Call) -> isize {
        let [a, b, c, d, e, f] = call.args;
        let mask = [f, MASK];
        let f = match call.nr {
            // The engine knows the mask; the kernel wants it with its size.
            libc::SYS_pselect6 if f != 0 => &raw const mask as usize,
            _ => f,
        };
        // SAFETY: every argument is the program's own, for the same call, or the engine's for one that it prepared.
        errno::in_kernel_form(unsafe { next::syscall(call.nr, a, b, c, d, e, f) } as isize)
    }

    fn wait(entries: &mut [libc::pollfd], time: *const libc::timespec) -> isize {
        let args = [entries.as_mut_ptr() as usize, entries.len(), time as usize, 0, MASK, 0];
        ENGINE.kernel.call(libc::SYS_ppoll, args)
    }

    #[inline(always)]
    unsafe fn recv(fd: c_int, buf: *mut c_void, count: usize, flags: c_int) -> isize {
        // SAFETY: the caller's word.
        unsafe { next::syscall(libc::SYS_recvfrom, fd as usize, buf as usize, count, flags as usize, 0, 0) as isize }
    }

    #[inline(always)]
    unsafe fn send(fd: c_int, buf: *const c_void, count: usize, flags: c_int) -> isize {
        // SAFETY: the caller's word.
        unsafe { next::syscall(libc::SYS_sendto, fd as usize, buf as usize, count, flags as usize, 0, 0) as isize }
    }
}

/// Make a call by its libc function, in libc's form.
fn by_name(call: &Call) -> isize {
    let [a, b, c, d, e, f] = call.args;
    let fd = a as c_int;
    let flags = d as c_int;
    // SAFETY: every argument is the program's own, for the same call, or the engine's for one that it prepared.
    unsafe {
        match call.nr {
            libc::SYS_read => next::read(fd, b as _, c),
            libc::SYS_readv => next::readv(fd, b as _, c as c_int),
            libc::SYS_recvfrom if e == 0 => next::recv(fd, b as _, c, flags),
            libc::SYS_recvfrom => next::recvfrom(fd, b as _, c, flags, e as _, f as _),
            libc::SYS_recvmsg => next::recvmsg(fd, b as _, c as c_int),
            libc::SYS_recvmmsg => next::recvmmsg(fd, b as _, c as u32, flags, e as _) as isize,
            libc::SYS_write => next::write(fd, b as _, c),
            libc::SYS_writev => next::writev(fd, b as _, c as c_int),
            libc::SYS_sendto if e == 0 => next::send(fd, b as _, c, flags),
            libc::SYS_sendto => next::sendto(fd, b as _, c, flags, e as _, f as u32),
            libc::SYS_sendmsg => next::sendmsg(fd, b as _, c as c_int),
            libc::SYS_sendmmsg => next::sendmmsg(fd, b as _, c as u32, flags) as isize,
            libc::SYS_sendfile => next::sendfile(fd, b as c_int, c as _, d),
            libc::SYS_splice => next::splice(fd, b as _, c as c_int, d as _, e, f as u32),
            libc::SYS_accept => next::accept(fd, b as _, c as _) as isize,
            libc::SYS_accept4 => next::accept4(fd, b as _, c as _, flags) as isize,
            libc::SYS_connect => next::connect(fd, b as _, c as u32) as isize,
            libc::SYS_poll => next::poll(a as _, b as u64, c as c_int) as isize,
            libc::SYS_ppoll => next::ppoll(a as _, b as u64, c as _, d as _) as isize,
            libc::SYS_select => next::select(fd, b as _, c as _, d as _, e as _) as isize,
            libc::SYS_pselect6 => next::pselect(fd, b as _, c as _, d as _, e as _, f as _) as isize,
            libc::SYS_epoll_wait => next::epoll_wait(fd, b as _, c as c_int, flags) as isize,
            libc::SYS_epoll_pwait => next::epoll_pwait(fd, b as _, c as c_int, flags, e as _) as isize,
            libc::SYS_epoll_pwait2 => next::epoll_pwait2(fd, b as _, c as c_int, d as _, e as _) as isize,
            nr => next::bare(nr, call.args),
        }
    }
}
