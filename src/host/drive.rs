//! Performing what the engine asks for: for the doors that C calls come in by.
//!
//! No lock is held and nothing is owed while a call waits: pthread_cancel and siglongjmp may leave from there. errno is touched
//! only on failure. What to do is the engine's to say; by which name or number a call came in is the doors', and how it is made
//! (`manner`).
//!
//! Unsafe here means: the program's pointers go to the next function as they came, and nobody looks at them.

use super::manner::{ByName, Manner};
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

/// Perform an operation by libc's functions: libc's result, errno set on failure and as it was on success.
#[inline(always)]
pub fn drive<O: Operation>(make: impl FnOnce() -> O) -> isize {
    drive_as::<ByName, O>(make)
}

/// Perform an operation, its calls made in this manner.
///
/// It is made here, where it stays: an operation is some hundred bytes that are best not moved, and out of line, so that the plain
/// call, which most are, saves no registers for it.
#[inline(never)]
pub fn drive_as<M: Manner, O: Operation>(make: impl FnOnce() -> O) -> isize {
    run::<M, O>(&mut make())
}

/// The same with one that is made already: for what is seldom called, and smaller.
#[inline(never)]
pub fn drive_made<M: Manner, O: Operation>(operation: &mut O) -> isize {
    run::<M, O>(operation)
}

#[inline(always)]
fn run<M: Manner, O: Operation>(operation: &mut O) -> isize {
    if operation.lends() {
        return lending::<M>(operation);
    }
    let before = errno::load();
    let step = start(operation);
    go_on::<M>(operation, step, before, Held::NONE)
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
fn lending<M: Manner>(operation: &mut impl Operation) -> isize {
    if M::CANCELS {
        // SAFETY: no arguments; nothing is owed yet.
        unsafe { next::pthread_testcancel() };
    }
    let before = errno::load();
    let held = Held::begin_for::<M>();
    let step = start(operation);
    let result = go_on::<M>(operation, step, before, held);
    held.end();
    result
}

/// Perform a read of `count` bytes that will nearly always find some: one call, and the operation only for what found nothing.
/// recv's flags.
#[inline(never)]
pub fn read_now<M: Manner>(
    make: impl FnOnce() -> Receive,
    (fd, buf, count, flags): (c_int, *mut c_void, usize, c_int),
) -> isize {
    const USUAL: c_int = libc::MSG_DONTWAIT | libc::MSG_PEEK | libc::MSG_NOSIGNAL;
    let reading = if op::is_usual(count) && flags & !USUAL == 0 { op::reads_now(&ENGINE, fd) } else { None };
    let Some(reading) = reading else { return drive_as::<M, _>(make) };
    let before = errno::load();
    // SAFETY: the program's own buffer, for the same call.
    let result = unsafe { M::recv(fd, buf, count, flags | libc::MSG_DONTWAIT) };
    if result > 0 {
        reading.got(&ENGINE, fd, result as usize);
        return result;
    }
    read_later::<M>(make, reading, result, before)
}

#[inline(never)]
fn read_later<M: Manner>(make: impl FnOnce() -> Receive, reading: Reading, result: isize, before: c_int) -> isize {
    let mut operation = make();
    let step = operation.tried(&ENGINE, reading, errno::in_kernel_form(result));
    go_on::<M>(&mut operation, step, before, Held::NONE)
}

/// Perform a write that nearly always finds room for all of it: `call`, which does not block, and the operation only for what did
/// not go. `sending`: may it be tried so? `all`: how much it is, once the kernel has taken it.
#[inline(never)]
pub fn write_now<M: Manner, W: Write>(
    make: impl FnOnce() -> W,
    (fd, sending): (c_int, impl FnOnce() -> Option<Sending<'static>>),
    call: impl FnOnce() -> isize,
    all: impl FnOnce() -> usize,
) -> isize {
    let Some(sending) = sending() else { return drive_as::<M, W>(make) };
    let before = errno::load();
    let result = call();
    if result > 0 && result as usize == all() {
        sending.went(&ENGINE, fd);
        return result;
    }
    write_later::<M, W>(make, sending, result, before)
}

#[inline(never)]
fn write_later<M: Manner, W: Write>(make: impl FnOnce() -> W, sending: Sending, result: isize, before: c_int) -> isize {
    let mut operation = make();
    let outcome = errno::in_kernel_form(result);
    let held = match operation.lends() {
        true => Held::begin_for::<M>(),
        false => Held::NONE,
    };
    let step = operation.tried(&ENGINE, sending, outcome);
    let result = go_on::<M>(&mut operation, step, before, held);
    held.end();
    result
}

#[inline(always)]
fn go_on<M: Manner>(operation: &mut impl Operation, mut step: Step, before: c_int, held: Held) -> isize {
    loop {
        let outcome = match step {
            Step::Done(outcome) => {
                if !(-4095..0).contains(&outcome) {
                    errno::store(before);
                }
                return errno::in_libc_form(outcome);
            }
            Step::Call(call) if call.brief => perform::<M>(&call),
            Step::Call(call) => held.apart(|| perform::<M>(&call)),
            Step::Wait { fd, events, until, waker } => held.apart(|| wait::<M>([fd, waker], events, until)),
        };
        step = operation.resume(&ENGINE, outcome);
    }
}

/// A cancellation that is held back during an operation.
#[derive(Clone, Copy)]
struct Held {
    /// The state as it was: it is held back since.
    was: Option<c_int>,
    /// Without it the thread may be cancelled anywhere, though not in the calls as such.
    anywhere: bool,
}

impl Held {
    const NONE: Held = Held { was: None, anywhere: false };

    /// Hold it back, but for the waits, where it could come at all: in calls that are points of cancellation, or anywhere.
    fn begin_for<M: Manner>() -> Held {
        let anywhere = !M::CANCELS && cancelled_anywhere();
        if M::CANCELS || anywhere {
            Held { anywhere, ..Held::begin() }
        } else {
            Held::NONE
        }
    }

    /// Hold it back.
    fn begin() -> Held {
        let mut was: c_int = 0;
        // SAFETY: a place of our own; absent, it answers ENOSYS.
        let held = unsafe { next::pthread_setcancelstate(CANCEL_DISABLE, &mut was) } == 0;
        Held { was: held.then_some(was), anywhere: false }
    }

    /// As it was before.
    #[inline(always)]
    fn end(self) {
        if let Some(mut was) = self.was {
            // SAFETY: as above.
            unsafe { next::pthread_setcancelstate(was, &mut was) };
            if self.anywhere {
                // What came meanwhile: glibc lets it through by itself, musl does not.
                // SAFETY: no arguments.
                unsafe { next::pthread_testcancel() };
            }
        }
    }

    /// A wait: nothing is lent.
    #[inline(always)]
    fn apart(self, wait: impl FnOnce() -> isize) -> isize {
        if self.was.is_none() {
            return wait();
        }
        self.end();
        let outcome = wait();
        Held::begin();
        outcome
    }
}

/// Make a call.
#[inline(never)]
fn perform<M: Manner>(call: &Call) -> isize {
    if !call.brief {
        return M::make(call);
    }
    // An option of the socket is lent for a few milliseconds: a cancellation would leave it so.
    uncancelled(|| M::make(call))
}

/// Wait for one of these events, for the waker, or until the instant.
fn wait<M: Manner>([fd, waker]: [c_int; 2], events: i16, until: u64) -> isize {
    let of = |fd, events| libc::pollfd { fd, events, revents: 0 };
    let mut entries = [of(fd, events), of(waker, libc::POLLIN)];
    let left = until.saturating_sub(ENGINE.kernel.now());
    let time = libc::timespec { tv_sec: (left / 1_000_000_000) as i64, tv_nsec: (left % 1_000_000_000) as i64 };
    let time = if until == u64::MAX { null() } else { &raw const time };
    let outcome = match &mut entries {
        [entry, _] if waker < 0 => M::wait(core::slice::from_mut(entry), time),
        both => M::wait(both, time),
    };
    let [entry, _] = entries;
    // 0: the instant, or the waker.
    if outcome > 0 {
        entry.revents as u16 as isize
    } else {
        outcome
    }
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
    let held = Held::begin();
    let result = what();
    held.end();
    result
}
