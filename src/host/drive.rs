//! Performing what the engine asks for, by libc's own functions: for the doors that C calls come in by.
//!
//! No lock is held and nothing is owed while a call waits: pthread_cancel and siglongjmp may leave from there. errno is touched
//! only on failure. What to do is the engine's to say; by which name a call came in is the doors'.
//!
//! Unsafe here means: the program's pointers go to the next function as they came, and nobody looks at them.

use super::{errno, next, thread};
use crate::ENGINE;
use core::ffi::{c_int, c_void};
use core::ptr::null;
use netdeadline_engine::op::{self, Call, Operation, Reading, Receive, Scope, Sending, Step, Write};
use netdeadline_engine::sys::Kernel;

/// PTHREAD_CANCEL_DISABLE, the same number in glibc and musl.
const CANCEL_DISABLE: c_int = 1;
/// PTHREAD_CANCEL_DEFERRED, likewise.
const CANCEL_DEFERRED: c_int = 0;

/// Perform an operation: libc's result, errno set on failure and as it was on success.
///
/// It is made here, where it stays: an operation is some hundred bytes that are best not moved, and out of line, so that the plain
/// call, which most are, saves no registers for it.
#[inline(never)]
pub fn drive<O: Operation>(make: impl FnOnce() -> O) -> isize {
    let mut operation = make();
    if operation.is_cancellation_point() || cancelled_anywhere() {
        return run(&mut operation);
    }
    uncancelled(|| run(&mut operation))
}

#[inline(always)]
fn run(operation: &mut impl Operation) -> isize {
    let before = errno::load();
    if ENGINE.scopes.any() {
        operation.within(Scope::of(&ENGINE, thread::key()));
    }
    let step = operation.start(&ENGINE);
    go_on(operation, step, before)
}

/// Perform a read of `count` bytes that will nearly always find some: one call, and the operation only for what found nothing.
/// recv's flags.
#[inline(never)]
pub fn read_now(make: impl FnOnce() -> Receive, (fd, buf, count, flags): (c_int, *mut c_void, usize, c_int)) -> isize {
    const USUAL: c_int = libc::MSG_DONTWAIT | libc::MSG_PEEK | libc::MSG_NOSIGNAL;
    let reading = if op::is_usual(count) && flags & !USUAL == 0 { op::reads_now(&ENGINE, fd) } else { None };
    let Some(reading) = reading else { return drive(make) };
    let before = errno::load();
    // SAFETY: the program's own buffer, for the same call.
    let result = unsafe { next::recv(fd, buf, count, flags | libc::MSG_DONTWAIT) };
    if result > 0 {
        reading.got(&ENGINE, fd, result as usize);
        return result;
    }
    read_later(make, reading, result, before)
}

#[inline(never)]
fn read_later(make: impl FnOnce() -> Receive, reading: Reading, result: isize, before: c_int) -> isize {
    let mut operation = make();
    let step = operation.tried(&ENGINE, reading, errno::in_kernel_form(result));
    go_on(&mut operation, step, before)
}

/// Perform a write that nearly always finds room for all of it: `call`, which does not block, and the operation only for what did
/// not go. `sending`: may it be tried so? `all`: how much it is, once the kernel has taken it.
#[inline(never)]
pub fn write_now<W: Write>(
    make: impl FnOnce() -> W,
    (fd, sending): (c_int, impl FnOnce() -> Option<Sending<'static>>),
    call: impl FnOnce() -> isize,
    all: impl FnOnce() -> usize,
) -> isize {
    let Some(sending) = sending() else { return drive(make) };
    let before = errno::load();
    let result = call();
    if result > 0 && result as usize == all() {
        sending.went(&ENGINE, fd);
        return result;
    }
    write_later(make, sending, result, before)
}

#[inline(never)]
fn write_later<W: Write>(make: impl FnOnce() -> W, sending: Sending, result: isize, before: c_int) -> isize {
    let mut operation = make();
    let outcome = errno::in_kernel_form(result);
    let cancellable = operation.is_cancellation_point() || cancelled_anywhere();
    let mut rest = || {
        let step = operation.tried(&ENGINE, sending, outcome);
        go_on(&mut operation, step, before)
    };
    if cancellable {
        rest()
    } else {
        uncancelled(&mut rest)
    }
}

#[inline(always)]
fn go_on(operation: &mut impl Operation, mut step: Step, before: c_int) -> isize {
    loop {
        let outcome = match step {
            Step::Done(outcome) => {
                if !(-4095..0).contains(&outcome) {
                    errno::store(before);
                }
                return errno::in_libc_form(outcome);
            }
            Step::Call(call) => perform(&call),
            Step::Wait { fd, events, until, waker } => wait([fd, waker], events, until),
        };
        step = operation.resume(&ENGINE, outcome);
    }
}

/// Wait in libc's own ppoll: a cancellation point, interrupted by signals.
fn wait([fd, waker]: [c_int; 2], events: i16, until: u64) -> isize {
    let of = |fd, events| libc::pollfd { fd, events, revents: 0 };
    let mut entries = [of(fd, events), of(waker, libc::POLLIN)];
    let count = if waker < 0 { 1 } else { 2 };
    let left = until.saturating_sub(ENGINE.kernel.now());
    let time = libc::timespec { tv_sec: (left / 1_000_000_000) as i64, tv_nsec: (left % 1_000_000_000) as i64 };
    let time = if until == u64::MAX { null() } else { &raw const time };
    // SAFETY: entries and a time of our own, alive during the call.
    let result = unsafe { next::ppoll(entries.as_mut_ptr(), count, time, null()) };
    let [entry, _] = entries;
    match errno::in_kernel_form(result as isize) {
        // 0: the instant, or the waker.
        outcome if outcome > 0 => entry.revents as u16 as isize,
        outcome => outcome,
    }
}

/// Make a call by its libc function.
fn perform(call: &Call) -> isize {
    if !call.brief {
        return errno::in_kernel_form(make(call));
    }
    // An option of the socket is lent for a few milliseconds: a cancellation would leave it so.
    uncancelled(|| errno::in_kernel_form(make(call)))
}

/// May the thread be cancelled also where there is no cancellation point?
fn cancelled_anywhere() -> bool {
    let mut kind: c_int = CANCEL_DEFERRED;
    // SAFETY: a place of our own; absent, it answers ENOSYS.
    let asked = unsafe { next::pthread_setcanceltype(CANCEL_DEFERRED, &mut kind) } == 0;
    if asked && kind != CANCEL_DEFERRED {
        // SAFETY: as above.
        unsafe { next::pthread_setcanceltype(kind, &mut kind) };
        return true;
    }
    false
}

/// Do something in which the thread is not cancelled.
fn uncancelled(what: impl FnOnce() -> isize) -> isize {
    let mut state: c_int = 0;
    // SAFETY: a place of our own; absent, it answers ENOSYS.
    let held = unsafe { next::pthread_setcancelstate(CANCEL_DISABLE, &mut state) } == 0;
    let result = what();
    if held {
        // SAFETY: as above.
        unsafe { next::pthread_setcancelstate(state, &mut state) };
    }
    result
}

fn make(call: &Call) -> isize {
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
