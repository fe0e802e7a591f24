//! accept and accept4: a wait that a deadline set through the C API bounds, and, after the kernel has answered, which rules the new
//! connection has.
//!
//! Waiting for a connection is never bounded by a policy, and the program's own timeout on a listener is the kernel's; so
//! there is nothing to do before where no such deadline can be set. accept has no form that does not block, and another thread or
//! process may take what poll has seen: a microsecond is lent for the call.

use super::clock::{Cause, Direction, Due};
use super::explicit::Tried;
use super::options::{set_timeout, timeout_of, Loan};
use super::wake::Patience;
use super::{error, Call, Operation, Scope, Step};
use crate::policy::{Addr, Class};
use crate::sys::{signal, socket, Kernel};
use crate::table::{Description, Kind, SlotWord};
use crate::Engine;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The program's own call, whatever it answers.
    Plain,
    /// Waiting for a connection.
    Waiting,
    /// The program's own call, a microsecond lent.
    Try,
}

/// An accept.
pub struct Accept {
    fd: i32,
    own: Call,
    stage: Stage,
    slot: SlotWord,
    began: u64,
    /// The kernel's own timeout for this blocking call, ns.
    own_timeout: u64,
    loan: Option<Loan>,
    /// How often nothing was to be borrowed.
    refused: u32,
    patience: Patience,
}

/// How often a loan that others are in the way of is asked for, before the call is made without.
const PATIENCE: u32 = 1000;

impl Accept {
    /// accept(2), or with flags accept4(2).
    pub fn new(fd: i32, address: usize, length: usize, flags: Option<i32>) -> Accept {
        let nr = if flags.is_some() { libc::SYS_accept4 } else { libc::SYS_accept };
        let own = Call::new(nr, [fd as usize, address, length, flags.unwrap_or(0) as usize, 0, 0]);
        let (stage, slot, patience) = (Stage::Plain, SlotWord::UNTOUCHED, Patience::new());
        Accept { fd, own, stage, slot, began: 0, own_timeout: 0, loan: None, refused: 0, patience }
    }

    fn wait<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, now: u64) -> Step {
        self.stage = Stage::Waiting;
        self.patience.announce(e, d);
        let timeouts = [self.own_timeout, e.own_timeout(d, Class::Read)];
        let ends = timeouts.into_iter().filter(|ns| *ns != 0).map(|ns| self.began.saturating_add(ns));
        let until = ends.min().unwrap_or(u64::MAX);
        let step = self.patience.wait(e, (self.fd, self.slot, d), Direction::Read, until, now);
        step.unwrap_or(Step::Done(error(libc::EBADF)))
    }

    fn waited<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, outcome: isize) -> Step {
        if !e.is_still(self.fd, self.slot, d) {
            return Step::Done(error(libc::EBADF));
        }
        if outcome > 0 {
            self.loan = Loan::take(e, self.fd, libc::SO_RCVTIMEO, 1000);
            if self.loan.is_none() && self.refused < PATIENCE {
                // Another accepter is about to borrow the same.
                self.refused += 1;
                return self.wait(e, d, e.kernel.now());
            }
            self.stage = if self.loan.is_some() { Stage::Try } else { Stage::Plain };
            return Step::Call(Call { brief: true, ..self.own });
        }
        let now = e.kernel.now();
        let restarts = || self.own_timeout == 0 && signal::every_handler_restarts(&e.kernel);
        if outcome < 0 && !(outcome == error(libc::EINTR) && restarts()) {
            return Step::Done(outcome);
        }
        let bound = e.bound(d, Direction::Read, self.patience.scope);
        if outcome == 0 && bound.at <= now {
            e.cut(self.fd, d, Direction::Read, bound, "accept", Tried { began: self.began, bytes: 0 }, now);
            return Step::Done(error(libc::ETIMEDOUT));
        }
        if self.own_timeout != 0 && self.began.saturating_add(self.own_timeout) <= now {
            return Step::Done(error(libc::EAGAIN));
        }
        let timeout = e.own_timeout(d, Class::Read);
        let at = self.began.saturating_add(timeout);
        if outcome == 0 && timeout != 0 && at <= now {
            let due = Due { at, timeout, cause: Cause::Own(Class::Read), sample: false };
            e.expire(self.fd, d, Direction::Read, due, "accept", now);
            return Step::Done(error(libc::ETIMEDOUT));
        }
        self.wait(e, d, now)
    }
}

impl Operation for Accept {
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        let Some((slot, d)) = e.socket(self.fd) else { return e.unmanaged(self.fd, self.own) };
        self.slot = slot;
        if e.too_late(self.fd, d, Direction::Read, self.patience.scope, "accept") {
            return Step::Done(error(libc::ETIMEDOUT));
        }
        let [.., flags, _, _] = self.own.args;
        let known = flags as i32 & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) == 0;
        // On what does not listen, and with flags that no kernel knows, it fails at once.
        if !known || e.is_nonblocking(self.fd) || socket::is_listening(&e.kernel, self.fd) != Ok(true) {
            return Step::Call(self.own);
        }
        self.began = e.kernel.now();
        self.own_timeout = e.kernel_timeout(self.fd, libc::SO_RCVTIMEO);
        self.wait(e, d, self.began)
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        self.patience.end(e);
        if let Some(loan) = self.loan.take() {
            if outcome >= 0 {
                // It has inherited what was lent, if it is of a family that inherits.
                let new = outcome as i32;
                if timeout_of(e, new, libc::SO_RCVTIMEO).is_some_and(|inherited| inherited != 0) {
                    set_timeout(e, new, libc::SO_RCVTIMEO, loan.had());
                }
            }
            loan.give_back(e, self.fd);
        }
        let Some(d) = e.descriptions.at(self.slot.index()) else { return Step::Done(outcome) };
        match self.stage {
            Stage::Plain => Step::Done(outcome),
            Stage::Waiting => self.waited(e, d, outcome),
            // Another was faster.
            Stage::Try if outcome == error(libc::EAGAIN) => self.wait(e, d, e.kernel.now()),
            // And a signal came: by what was lent the kernel answers so in spite of SA_RESTART.
            Stage::Try if outcome == error(libc::EINTR) => self.waited(e, d, outcome),
            Stage::Try => Step::Done(outcome),
        }
    }

    fn lends(&self) -> bool {
        true
    }

    fn within(&mut self, scope: Scope) {
        self.patience.scope = scope;
    }
}

/// `fd` has just been accepted.
#[inline(never)] // Its callers are jumps where it is not called.
pub fn accepted<K: Kernel>(e: &Engine<K>, fd: i32) {
    super::created(e, fd);
    let Some(settings) = e.settings.peek() else { return };
    if e.retired() || e.process.borrowed(&e.kernel) || settings.policy.is_empty() && !e.movable() {
        return;
    }
    let k = &e.kernel;
    if settings.policy.any_on() {
        if let Ok(local) = socket::local_name(k, fd) {
            let rules = Addr::from_sockaddr(local.bytes()).map(|local| settings.policy.accepted(&local));
            if let Some(rules) = rules.filter(|rules| !rules.is_none()) {
                if let Some((_, d)) = e.ruled_by(fd, rules, true) {
                    e.measure_found(fd, d);
                }
                return;
            }
        }
    }
    if e.movable() {
        // Known from now on, and as one that no rule names.
        e.describe_new(fd);
        return;
    }
    // No rule names it, and `to` rules never do: a client is rightly silent while its request is worked on.
    e.slots.settle(k, fd, e.slots.word(fd), Kind::Plain, 0);
}
