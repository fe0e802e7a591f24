//! What each system call does under a deadline.
//!
//! One room per family, all in one shape: `start` finds the slot; without a deadline it answers with the plain call; else it
//! tries without blocking and asks for a wait that ends at the deadline. The door performs the step and hands the outcome to
//! `resume`. Nothing here blocks, and what could make a later call fail is stored only in the table's state words.

mod accept;
mod at_once;
mod body;
mod classify;
mod clock;
mod connect;
mod epoll;
mod epoll_expired;
mod epoll_wait;
mod expire;
mod explicit;
mod fds;
mod judge;
mod measure;
mod options;
mod passed;
mod poll;
mod ready;
mod receive;
mod sandbox;
mod scope;
mod select;
mod send;
mod send_many;
mod transfer;
mod wake;

pub use accept::{accepted, Accept};
pub use at_once::{read_at_once, reads_at_once, reads_now, sends_now, Reading, Sending};
pub use body::{is_usual, vector_length};
pub(crate) use clock::least_wait;
pub use connect::Connect;
pub use epoll::{epoll_ctl, Interest};
pub use epoll_wait::{has_token, waits_by_timer, waits_plainly, ByTimer, Clock, EpollWait};
pub use explicit::{
    begin_movable, deadlines, last_expiry, refresh, refresh_polled, set_deadline, set_timeouts, timeouts, Ways,
};
pub use fds::{
    close, close_range, closed, closed_range, closing, created, duplicated, epoll_created, mode_changed, replaced,
    replacing, shut_down, socket_created, Close,
};
pub use options::{fetched_option, set_option};
pub use passed::{paired, passed_fds, received_message, received_messages};
pub use poll::{Poll, MOVABLE};
pub use receive::Receive;
pub use sandbox::probe;
pub use scope::{enter_scope, leave_scope, Scope};
pub use select::Select;
pub use send::Send;
pub use send_many::SendMany;
pub use transfer::Transfer;

use crate::evidence::page::OTHER;
use crate::sys::{signal, Kernel};
use crate::Engine;

/// A system call, as the kernel takes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Call {
    /// The call's number.
    pub nr: i64,
    /// Its arguments.
    pub args: [usize; 6],
    /// It ends within milliseconds and must not be cancelled half way: an option is lent meanwhile.
    pub brief: bool,
}

impl Call {
    /// A call that may be cancelled.
    pub fn new(nr: i64, args: [usize; 6]) -> Call {
        Call { nr, args, brief: false }
    }

    /// Is this the same call as `other`, which is on the same fd and memory? Only what may differ is compared: number, length
    /// and flags. (`==` is a memcmp: 20 ns in every read and write of a managed socket.)
    #[inline(always)]
    pub(crate) fn is(&self, other: &Call) -> bool {
        let ([_, _, c, d, ..], [_, _, oc, od, ..]) = (self.args, other.args);
        self.nr == other.nr && c == oc && d == od
    }
}

/// What the door has to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The operation is over; a negated errno is an error.
    Done(isize),
    /// Make this call and resume with its result (negated errno).
    Call(Call),
    /// Wait until the fd has one of these poll events; resume with the events, 0 at the instant (CLOCK_MONOTONIC ns,
    /// `u64::MAX`: never), or a negated errno (EINTR).
    Wait {
        /// The fd.
        fd: i32,
        /// poll's events.
        events: i16,
        /// The instant.
        until: u64,
        /// Another fd that ends the wait, as the instant does, when it can be read; negative: none.
        waker: i32,
    },
}

/// A call in progress.
pub trait Operation {
    /// Begin.
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step;
    /// Go on with what the door got.
    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step;
    /// The calling thread is in this scope. Before `start`.
    fn within(&mut self, scope: Scope);
    /// Does it begin with a call for which an option of the socket is lent?
    #[inline(always)]
    fn lends(&self) -> bool {
        false
    }
}

/// A call that writes, and may be tried at once.
pub trait Write: Operation {
    /// Go on from what the call answered that was tried first.
    fn tried<K: Kernel>(&mut self, e: &Engine<K>, sending: Sending, outcome: isize) -> Step;
}

/// A mask that a wait was given (ppoll and its kin). The kernel sets it for one call; a wait that is taken up again is several,
/// so what the mask holds back is blocked in between as well, and delivered after the last.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mask {
    before: Option<signal::Signals>,
}

impl Mask {
    /// Block what the mask at this address blocks. Nothing is unblocked: that must happen inside the wait, at once with it.
    pub fn hold<K: Kernel>(&mut self, e: &Engine<K>, mask: usize) {
        let mut bytes = [0; 8];
        if mask != 0 && self.before.is_none() && crate::sys::program::copy_in(&e.kernel, &mut bytes, mask) {
            self.before = signal::block(&e.kernel, signal::Signals(u64::from_ne_bytes(bytes))).ok();
        }
    }

    /// The wait is over.
    pub fn release<K: Kernel>(&mut self, e: &Engine<K>) {
        if let Some(before) = self.before.take() {
            let _ = signal::set_mask(&e.kernel, before);
        }
    }
}

/// A negated errno, as outcomes have it.
pub(crate) const fn error(errno: i32) -> isize {
    -(errno as isize)
}
