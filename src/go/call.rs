//! One call of Go's, step by step: which operation of the engine it is, and how the engine's steps become system calls at Go's
//! SYSCALL instruction. Runs on a frame's stack; the trampoline moves registers, the engine decides.
//!
//! Nothing here waits. A `Step` becomes the frame's next call, and `resume` gets the kernel's answer.
//!
//! Unsafe here means: the frame is this call's alone from `take` to the trampoline's `lock or`, and the program's pointers go to
//! the kernel as they came.

use super::stack::{replenish, Frame};
use super::{exec, quick, vfork};
use crate::host::raw::{self, Left, MASK};
use crate::host::{sandbox, tell, unprotected};
use crate::ENGINE;
use core::ffi::c_int;
use netdeadline_engine::op::{
    self, Call, Clock, Close, Connect, EpollWait, Interest, Operation, Poll, Receive, Select, Send, SendMany, Step,
    Transfer,
};
use netdeadline_engine::sys::Kernel;

/// The call is over; its answer is in the frame.
pub const DONE: usize = 0;
/// Make the frame's next call.
pub const CALL: usize = 1;
/// Make the program's own call; the frame is not needed any more.
pub const PLAIN: usize = 2;
/// Like `PLAIN`, and then tell the engine of its success.
pub const TELL_AFTER: usize = 3;

/// The operation that a frame is for.
#[allow(clippy::large_enum_variant)] // A frame has room for the largest; it is never copied.
pub enum Running {
    /// None: the program's own call.
    None,
    /// read and its kin.
    Receive(Receive),
    /// write and its kin.
    Send(Send),
    /// connect.
    Connect(Connect),
    /// sendfile, splice.
    Transfer(Transfer),
    /// sendmmsg.
    SendMany(SendMany),
    /// poll, ppoll.
    Poll(Poll),
    /// select, pselect6.
    Select(Select),
    /// epoll_wait and its kin.
    EpollWait(EpollWait),
}

impl Running {
    /// Begin, or go on with what the kernel answered.
    fn step(&mut self, outcome: Option<isize>) -> Step {
        fn of(operation: &mut impl Operation, outcome: Option<isize>) -> Step {
            match outcome {
                None => operation.start(&ENGINE),
                Some(outcome) => operation.resume(&ENGINE, outcome),
            }
        }
        match self {
            Running::None => Step::Done(outcome.unwrap_or(-(libc::ENOSYS as isize))),
            Running::Receive(operation) => of(operation, outcome),
            Running::Send(operation) => of(operation, outcome),
            Running::Connect(operation) => of(operation, outcome),
            Running::Transfer(operation) => of(operation, outcome),
            Running::SendMany(operation) => of(operation, outcome),
            Running::Poll(operation) => of(operation, outcome),
            Running::Select(operation) => of(operation, outcome),
            Running::EpollWait(operation) => of(operation, outcome),
        }
    }
}

/// A call that concerns us: `DONE`, `CALL`, `PLAIN` or `TELL_AFTER`.
///
/// # Safety
/// The trampoline's: `frame` was taken for this call and holds its number and arguments.
pub unsafe extern "C" fn begin(frame: *mut Frame) -> usize {
    // Nothing in a fresh frame was ever written, and a reused one holds what its last call left: neither is read.
    // SAFETY: the caller's word; nobody else has this frame.
    let frame = unsafe {
        (&raw mut (*frame).running).write(Running::None);
        (&raw mut (*frame).left).write(None);
        &mut *frame
    };
    frame.waiting = false;
    replenish(frame);
    unprotected::settle();
    let nr = frame.nr as i64;
    if vfork::is_nameless(frame) && nr != libc::SYS_execve && nr != libc::SYS_execveat {
        return PLAIN;
    }
    let [a, b, c, d, e, f] = frame.args;
    let fd = a as c_int;
    let own = Call::new(nr, frame.args);
    frame.running = match nr {
        libc::SYS_read => Running::Receive(Receive::read("read", fd, b, c)),
        libc::SYS_readv => {
            let message = stand_for_vector(frame);
            Running::Receive(Receive::readv(fd, b, c, message))
        }
        libc::SYS_recvfrom => Running::Receive(Receive::recvfrom("recvfrom", frame.args)),
        libc::SYS_recvmsg => Running::Receive(Receive::recvmsg(fd, b, c)),
        libc::SYS_recvmmsg => Running::Receive(Receive::recvmmsg(fd, b, c, d, e)),
        libc::SYS_write => Running::Send(Send::write(fd, b, c)),
        libc::SYS_writev => {
            let message = stand_for_vector(frame);
            Running::Send(Send::writev(fd, b, c, message))
        }
        libc::SYS_sendto => Running::Send(Send::sendto("sendto", frame.args)),
        libc::SYS_sendmsg => Running::Send(Send::sendmsg(fd, b, c)),
        libc::SYS_sendmmsg => Running::SendMany(SendMany::new(fd, b, c, d)),
        libc::SYS_sendfile => Running::Transfer(Transfer::sendfile(fd, b as c_int, c, d)),
        libc::SYS_splice => Running::Transfer(Transfer::splice(frame.args)),
        libc::SYS_connect => Running::Connect(Connect::new(fd, b, c)),
        libc::SYS_poll => Running::Poll(Poll::new("poll", own, a, b, raw::milliseconds(c), (0, 0))),
        libc::SYS_ppoll if d == 0 || e == MASK => match raw::timespec(c) {
            Some(timeout) => {
                frame.left = Left::of(c);
                Running::Poll(Poll::new("ppoll", own, a, b, timeout, (d, e)))
            }
            None => return PLAIN,
        },
        libc::SYS_select => match raw::timeval(e) {
            Some(timeout) => Running::Select(Select::new("select", own, timeout)),
            None => return PLAIN,
        },
        libc::SYS_pselect6 => match (raw::timespec(e), raw::pselect_mask(f)) {
            (Some(timeout), Some(mask)) => {
                frame.left = Left::of(e);
                let own = Call::new(nr, [a, b, c, d, e, mask]);
                Running::Select(Select::new("pselect", own, timeout))
            }
            _ => return PLAIN,
        },
        libc::SYS_epoll_wait => {
            Running::EpollWait(EpollWait::new("epoll_wait", own, Clock::Milliseconds, raw::milliseconds(d)))
        }
        libc::SYS_epoll_pwait if e == 0 || f == MASK => {
            Running::EpollWait(EpollWait::new("epoll_pwait", own, Clock::Milliseconds, raw::milliseconds(d)))
        }
        libc::SYS_epoll_pwait2 if e == 0 || f == MASK => match raw::timespec(d) {
            Some(timeout) => Running::EpollWait(EpollWait::new("epoll_pwait2", own, Clock::Timespec, timeout)),
            None => return PLAIN,
        },
        _ => return around(frame),
    };
    let step = frame.running.step(None);
    perform(frame, step)
}

/// A call that is not an operation: something is noted before it, or it is not made at all.
fn around(frame: &mut Frame) -> usize {
    let nr = frame.nr as i64;
    let [a, b, c, ..] = frame.args;
    let fd = a as c_int;
    match nr {
        libc::SYS_close => match op::close(&ENGINE, fd) {
            Close::Call => PLAIN,
            Close::CallAndTell(_) => TELL_AFTER,
            Close::NotOpen => done(frame, -(libc::EBADF as isize)),
        },
        libc::SYS_dup2 => {
            op::replacing(&ENGINE, fd, b as c_int);
            TELL_AFTER
        }
        libc::SYS_dup3 => {
            if c as c_int & !libc::O_CLOEXEC == 0 {
                op::replacing(&ENGINE, fd, b as c_int);
            }
            TELL_AFTER
        }
        libc::SYS_close_range if tell::closes(frame.args) => {
            op::close_range(&ENGINE, a as u32, b as u32);
            TELL_AFTER
        }
        libc::SYS_clone | libc::SYS_clone3 | libc::SYS_vfork => {
            vfork::cloning(nr, a);
            PLAIN
        }
        libc::SYS_prctl => {
            sandbox::before_seccomp(b as c_int, &[nr as usize, a, b, c, frame.args[3], frame.args[4]]);
            PLAIN
        }
        libc::SYS_seccomp => {
            const SET_MODE_STRICT: usize = 0;
            const SET_MODE_FILTER: usize = 1;
            if a == SET_MODE_STRICT || a == SET_MODE_FILTER {
                sandbox::before_seccomp(a as c_int + 1, &[nr as usize, a, b, c, 0, 0]);
            }
            PLAIN
        }
        libc::SYS_io_uring_setup if !raw::allows_io_uring() => done(frame, -(libc::ENOSYS as isize)),
        libc::SYS_execve | libc::SYS_execveat => {
            let outcome = exec::exec(frame);
            done(frame, outcome)
        }
        _ => PLAIN,
    }
}

/// The kernel has answered the frame's call: `DONE` or `CALL`.
///
/// # Safety
/// The trampoline's: `frame` is this call's since `begin`, and holds the kernel's answer.
pub unsafe extern "C" fn resume(frame: *mut Frame) -> usize {
    // SAFETY: the caller's word.
    let frame = unsafe { &mut *frame };
    let outcome = match frame.outcome {
        ready if ready > 0 && frame.waiting => frame.entries[0].revents as u16 as isize,
        outcome => outcome,
    };
    let step = frame.running.step(Some(outcome));
    perform(frame, step)
}

/// The program's own call has been made: tell the engine, or look through its events. `DONE` or `CALL`.
///
/// # Safety
/// The trampoline's: `frame` was taken for this call and holds it and its answer.
pub unsafe extern "C" fn told(frame: *mut Frame, kind: usize) -> usize {
    // SAFETY: as in `begin`.
    let frame = unsafe {
        (&raw mut (*frame).running).write(Running::None);
        (&raw mut (*frame).left).write(None);
        &mut *frame
    };
    frame.waiting = false;
    if vfork::is_nameless(frame) {
        return DONE;
    }
    let [.., d, _, _] = frame.args;
    if kind == quick::LOOK {
        // A token came into a wait in which nothing was armed when it began.
        let own = Call::new(frame.nr as i64, frame.args);
        let wait = EpollWait::new("epoll_wait", own, Clock::Milliseconds, raw::milliseconds(d));
        frame.running = Running::EpollWait(wait.begun(frame.outcome));
        let step = frame.running.step(None);
        return perform(frame, step);
    }
    if kind == quick::READ {
        let [fd, buffer, length, ..] = frame.args;
        let mut read = Receive::read("read", fd as c_int, buffer, length);
        let step = read.answered(&ENGINE, frame.outcome);
        frame.running = Running::Receive(read);
        return perform(frame, step);
    }
    unprotected::settle();
    tell::tell(frame.nr as i64, frame.args, frame.outcome, Interest::TriesFirst);
    DONE
}

/// A message in the frame that names the program's vector; its address.
fn stand_for_vector(frame: &mut Frame) -> usize {
    let [_, vector, count, ..] = frame.args;
    frame.message = libc::msghdr {
        msg_name: core::ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: vector as _,
        msg_iovlen: count,
        msg_control: core::ptr::null_mut(),
        msg_controllen: 0,
        msg_flags: 0,
    };
    &raw const frame.message as usize
}

fn done(frame: &mut Frame, outcome: isize) -> usize {
    frame.outcome = outcome;
    DONE
}

/// Do what the engine asks for.
fn perform(frame: &mut Frame, step: Step) -> usize {
    frame.waiting = false;
    match step {
        Step::Done(outcome) => {
            if let Some(left) = frame.left.take() {
                left.write();
            }
            tell::tell_received(frame.nr as i64, frame.args, outcome);
            done(frame, outcome)
        }
        Step::Call(call) => {
            let [a, b, c, d, e, f] = call.args;
            let f = match call.nr {
                // The engine knows the mask; the kernel wants it with its size.
                libc::SYS_pselect6 if f != 0 => {
                    frame.mask = [f, MASK];
                    &raw const frame.mask as usize
                }
                _ => f,
            };
            frame.next_nr = call.nr as usize;
            frame.next_args = [a, b, c, d, e, f];
            CALL
        }
        Step::Wait { fd, events, until, waker } => {
            frame.waiting = true;
            let of = |fd, events| libc::pollfd { fd, events, revents: 0 };
            frame.entries = [of(fd, events), of(waker, libc::POLLIN)];
            let left = until.saturating_sub(ENGINE.kernel.now());
            frame.time =
                libc::timespec { tv_sec: (left / 1_000_000_000) as i64, tv_nsec: (left % 1_000_000_000) as i64 };
            let time = if until == u64::MAX { 0 } else { &raw const frame.time as usize };
            frame.next_nr = libc::SYS_ppoll as usize;
            frame.next_args = [&raw const frame.entries as usize, if waker < 0 { 1 } else { 2 }, time, 0, MASK, 0];
            CALL
        }
    }
}
