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
    if operation.lends() {
        return lending(&mut operation);
    }
    let before = errno::load();
    let step = start(&mut operation);
    go_on(&mut operation, step, before, Held::NONE)
}

#[inline(always)]
fn start(operation: &mut impl Operation) -> Step {
    if ENGINE.scopes.any() {
        operation.within(Scope::of(&ENGINE, thread::key()));
    }
    operation.start(&ENGINE)
}

/// The same where an option of the socket is lent for some calls: a cancellation in between would leave it so. So it is tried before,
/// as libc does, and held back from there on but for the waits, where nothing is lent.
fn lending(operation: &mut impl Operation) -> isize {
    let anywhere = cancelled_anywhere();
    if operation.is_cancellation_point() {
        // SAFETY: no arguments; nothing is owed yet.
        unsafe { next::pthread_testcancel() };
    }
    let before = errno::load();
    let held = Held::begin(operation.is_cancellation_point() || anywhere);
    let step = start(operation);
    let result = go_on(operation, step, before, held);
    held.end();
    result
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
    go_on(&mut operation, step, before, Held::NONE)
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
    let held = match operation.lends() {
        true => Held::begin(operation.is_cancellation_point() || cancelled_anywhere()),
        false => Held::NONE,
    };
    let step = operation.tried(&ENGINE, sending, outcome);
    let result = go_on(&mut operation, step, before, held);
    held.end();
    result
}

#[inline(always)]
fn go_on(operation: &mut impl Operation, mut step: Step, before: c_int, held: Held) -> isize {
    loop {
        let outcome = match step {
            Step::Done(outcome) => {
                if !(-4095..0).contains(&outcome) {
                    errno::store(before);
                }
                return errno::in_libc_form(outcome);
            }
            Step::Call(call) if call.brief => perform(&call),
            Step::Call(call) => held.apart(|| perform(&call)),
            Step::Wait { fd, events, until, waker } => held.apart(|| wait([fd, waker], events, until)),
        };
        step = operation.resume(&ENGINE, outcome);
    }
}

/// A cancellation that is held back during an operation.
#[derive(Clone, Copy)]
struct Held {
    /// The state as it was: it is held back since.
    was: Option<c_int>,
    /// Waits let it through.
    waits: bool,
}

impl Held {
    const NONE: Held = Held { was: None, waits: false };

    /// Hold it back. `waits`: but for the waits.
    fn begin(waits: bool) -> Held {
        let mut was: c_int = 0;
        // SAFETY: a place of our own; absent, it answers ENOSYS.
        let held = unsafe { next::pthread_setcancelstate(CANCEL_DISABLE, &mut was) } == 0;
        Held { was: held.then_some(was), waits }
    }

    /// As it was before.
    #[inline(always)]
    fn end(self) {
        if let Some(mut was) = self.was {
            // SAFETY: as above.
            unsafe { next::pthread_setcancelstate(was, &mut was) };
        }
    }

    /// A wait: nothing is lent.
    #[inline(always)]
    fn apart(self, wait: impl FnOnce() -> isize) -> isize {
        match self.was {
            Some(_) if self.waits => {
                self.end();
                let outcome = wait();
                Held::begin(true);
                outcome
            }
            _ => wait(),
        }
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
    let held = Held::begin(false);
    let result = what();
    held.end();
    result
}

/// A call that came in by its number, through syscall(2), which is no point of cancellation, and which we make by a function that is
/// one. Held back also while it waits, which is owed to the thread until then: who leaves by siglongjmp leaves it so (docs/limits.md).
pub fn by_number(what: impl FnOnce() -> isize) -> isize {
    if cancelled_anywhere() {
        return what();
    }
    uncancelled(what)
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
