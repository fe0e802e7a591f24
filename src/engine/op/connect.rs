//! connect: an attempt that ends at its deadline, and is then aborted in the kernel.
//!
//! A blocking TCP connect is started with a send timeout of a microsecond lent to the socket, so that it returns at once and
//! the wait is ours. O_NONBLOCK is never touched: another process may share the description.

use super::clock::{Direction, Due, Way};
use super::explicit::Tried;
use super::judge::Verdict;
use super::options::Loan;
use super::wake::{Patience, SLICE};
use super::{error, Call, Operation, Scope, Step};
use crate::policy::{Addr, Class};
use crate::sys::{program, socket, Kernel};
use crate::table::{Description, Flag, Kind, Running, SlotWord, State};
use crate::Engine;
use core::sync::atomic::Ordering::Relaxed;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The program's own call, whatever it answers.
    Plain,
    /// The program's own call on a non-blocking socket.
    NonBlocking,
    /// The program's own blocking call, a microsecond lent.
    Started(Loan),
    /// AF_UNIX: the deadline itself is lent, for poll cannot wait for a backlog.
    Lent(Loan),
    /// Waiting for the connection.
    Waiting,
    /// The program's own call once more, a microsecond lent: it tells the kernel that the attempt is over.
    Asked(Loan),
}

/// A connect.
pub struct Connect {
    fd: i32,
    own: Call,
    stage: Stage,
    slot: SlotWord,
    began: u64,
    /// The kernel's own timeout for this blocking call, ns.
    own_timeout: u64,
    /// What the kernel would say when that has run out: EINPROGRESS, or EALREADY of an attempt that an earlier call began.
    unfinished: i32,
    patience: Patience,
}

const WAY: Way = Way { nonblocking: false, single: true };

impl Connect {
    /// connect(2).
    pub fn new(fd: i32, address: usize, length: usize) -> Connect {
        let own = Call::new(libc::SYS_connect, [fd as usize, address, length, 0, 0, 0]);
        let (stage, slot, patience) = (Stage::Plain, SlotWord::UNTOUCHED, Patience::new());
        Connect { fd, own, stage, slot, began: 0, own_timeout: 0, unfinished: libc::EINPROGRESS, patience }
    }

    fn lend<K: Kernel>(&mut self, e: &Engine<K>, ns: u64) -> Option<Loan> {
        Loan::take(e, self.fd, libc::SO_SNDTIMEO, ns)
    }

    fn wait<K: Kernel>(&mut self, e: &Engine<K>, d: &Description) -> Step {
        let now = e.kernel.now();
        self.stage = Stage::Waiting;
        self.patience.announce(e, d);
        let mut until = e.arm(self.fd, self.slot, d, Direction::Write, WAY, now);
        if self.own_timeout != 0 {
            until = until.min(self.began.saturating_add(self.own_timeout));
        }
        self.pause(e, d, until, now)
    }

    fn pause<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, until: u64, now: u64) -> Step {
        let step = self.patience.wait(e, (self.fd, self.slot, d), Direction::Write, until, now);
        step.unwrap_or(Step::Done(error(libc::EBADF)))
    }

    /// What bounds writes to this socket has passed: the attempt is over.
    fn cut<K: Kernel>(&self, e: &Engine<K>, d: &Description, now: u64) -> Step {
        let bound = e.bound(d, Direction::Write, self.patience.scope);
        e.cut(self.fd, d, Direction::Write, bound, "connect", Tried { began: self.began, bytes: 0 }, now);
        e.take_aborted(self.fd, d);
        Step::Done(error(libc::ETIMEDOUT))
    }

    /// The attempt is over, as poll has it. SO_ERROR alone would say how, but leave the socket connecting as the kernel has it, and
    /// the program's next connect would be answered for this one. So what a waiting connect does is done here
    /// (net/ipv4/af_inet.c, __inet_stream_connect): the next call finds it connected, or it is disconnected. It is not asked by
    /// another connect where it is not connected: after a shutdown by another thread that would begin an attempt.
    fn decided<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, now: u64) -> Step {
        let failed = socket::tcp_info(&e.kernel, self.fd).map(|info| super::judge::is_closed(&info));
        if failed == Ok(false) {
            if let Some(loan) = self.lend(e, 1000) {
                self.stage = Stage::Asked(loan);
                return Step::Call(Call { brief: true, ..self.own });
            }
        }
        let mut answer = socket::take_error(&e.kernel, self.fd).unwrap_or(0);
        if failed == Ok(true) {
            answer = if answer == 0 { libc::ECONNABORTED } else { answer };
            let _ = socket::disconnect(&e.kernel, self.fd);
        }
        self.ended(e, d, if answer == 0 { 0 } else { error(answer) }, now)
    }

    /// The attempt is over, well or badly.
    fn ended<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, answer: isize, now: u64) -> Step {
        e.connected(self.fd, d, now);
        d.write.store(State::Idle, d.generation());
        Step::Done(answer)
    }

    fn waited<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, outcome: isize) -> Step {
        if !e.is_still(self.fd, self.slot, d) {
            return Step::Done(error(libc::EBADF));
        }
        let now = e.kernel.now();
        if outcome > 0 {
            return self.decided(e, d, now);
        }
        if outcome == error(libc::EINTR) {
            // The attempt goes on in the kernel, and its clock with it.
            if self.own_timeout == 0 && crate::sys::signal::every_handler_restarts(&e.kernel) {
                return self.wait(e, d);
            }
            return Step::Done(outcome);
        }
        if outcome < 0 {
            return Step::Done(outcome);
        }
        if e.bound(d, Direction::Write, self.patience.scope).at <= now {
            return self.cut(e, d, now);
        }
        if self.own_timeout != 0 && self.began.saturating_add(self.own_timeout) <= now {
            return Step::Done(error(self.unfinished));
        }
        match e.judge(self.fd, d, Direction::Write, WAY, now) {
            Verdict::Gone => Step::Done(error(libc::EBADF)),
            Verdict::Due(due) if e.expire(self.fd, d, Direction::Write, due, "connect", now) => {
                e.take_aborted(self.fd, d);
                Step::Done(error(libc::ETIMEDOUT))
            }
            // Observed only.
            Verdict::Due(_) if d.has(Flag::Explicit) => self.wait(e, d),
            Verdict::Due(_) => self.pause(e, d, u64::MAX, now),
            // No clock runs, or not this one any more.
            Verdict::Idle | Verdict::Until(_) => self.wait(e, d),
        }
    }

    /// A blocking AF_UNIX connect: the kernel waits for room in the backlog, and comes back when a clock has run out; when the
    /// deadline can be moved, every few milliseconds.
    fn wait_for_backlog<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, now: u64) -> Step {
        let timeout = e.timeout(d, Class::Connect, None);
        let mut until = e.bound(d, Direction::Write, self.patience.scope).at;
        if timeout != 0 && !e.observing() {
            until = until.min(self.began.saturating_add(timeout));
        }
        if self.own_timeout != 0 {
            until = until.min(self.began.saturating_add(self.own_timeout));
        }
        if e.movable() {
            until = until.min(now.saturating_add(SLICE));
        }
        self.stage = Stage::Plain;
        if until != u64::MAX {
            if let Some(loan) = self.lend(e, until.saturating_sub(now).max(1000)) {
                self.stage = Stage::Lent(loan);
            }
        }
        Step::Call(self.own)
    }

    /// A blocking AF_UNIX connect whose lent timeout ran out.
    fn backlog_stayed_full<K: Kernel>(&mut self, e: &Engine<K>, d: &Description) -> Step {
        let now = e.kernel.now();
        if e.bound(d, Direction::Write, self.patience.scope).at <= now {
            return self.cut(e, d, now);
        }
        if self.own_timeout != 0 && self.began.saturating_add(self.own_timeout) <= now {
            return Step::Done(error(libc::EAGAIN));
        }
        let timeout = e.timeout(d, Class::Connect, None);
        if timeout == 0 || self.began.saturating_add(timeout) > now || e.observing() && e.movable() {
            return self.wait_for_backlog(e, d, now);
        }
        let cause = super::clock::Cause::Rule(Class::Connect);
        let due = Due { at: self.began.saturating_add(timeout), timeout, cause, sample: false };
        let cut = e.expire(self.fd, d, Direction::Write, due, "connect", now);
        Step::Done(error(if cut { libc::ETIMEDOUT } else { libc::EAGAIN }))
    }
}

impl Operation for Connect {
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        let [_, address, length, ..] = self.own.args;
        if e.process.borrowed(&e.kernel) || !e.active() {
            return Step::Call(self.own);
        }
        let slot = e.slots.word(self.fd);
        if slot.kind() == Kind::Socket {
            if let Some(d) = e.descriptions.at(slot.index()) {
                // hiredis asks for the outcome this way.
                if e.take_aborted(self.fd, d) {
                    return Step::Done(error(libc::ETIMEDOUT));
                }
            }
        }
        let Some((slot, d)) = e.dial(self.fd, address, length) else { return e.unmanaged(self.fd, self.own) };
        self.slot = slot;
        self.began = e.kernel.now();
        let timeout = e.timeout(d, Class::Connect, None);
        if e.too_late(self.fd, d, Direction::Write, self.patience.scope, "connect") {
            e.take_aborted(self.fd, d);
            return Step::Done(error(libc::ETIMEDOUT));
        }
        // A datagram socket's connect does not wait.
        let waits = timeout != 0 || e.movable() && (d.has(Flag::Stream) || d.has(Flag::Unix));
        if !waits || e.is_nonblocking(self.fd) {
            self.stage = Stage::NonBlocking;
            return Step::Call(self.own);
        }
        if d.has(Flag::Unix) {
            self.own_timeout = e.kernel_timeout(self.fd, libc::SO_SNDTIMEO);
            return self.wait_for_backlog(e, d, self.began);
        }
        match self.lend(e, 1000) {
            Some(loan) => {
                self.own_timeout = loan.had();
                self.stage = Stage::Started(loan);
                Step::Call(Call { brief: true, ..self.own })
            }
            None => Step::Call(self.own),
        }
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        let step = self.go_on(e, outcome);
        if let (Step::Done(answer), true, Some(d)) =
            (step, self.stage != Stage::Plain, e.descriptions.at(self.slot.index()))
        {
            e.measure_connect(d, answer);
        }
        step
    }

    fn lends(&self) -> bool {
        true
    }

    fn within(&mut self, scope: Scope) {
        self.patience.scope = scope;
    }
}

impl Connect {
    fn go_on<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        self.patience.end(e);
        match self.stage {
            Stage::Started(loan) | Stage::Lent(loan) | Stage::Asked(loan) => loan.give_back(e, self.fd),
            Stage::Plain => return Step::Done(outcome),
            _ => {}
        }
        let Some(d) = e.descriptions.at(self.slot.index()) else { return Step::Done(outcome) };
        let pending = outcome == error(libc::EINPROGRESS) || outcome == error(libc::EALREADY);
        if self.stage != Stage::Waiting && e.slots.word(self.fd) != self.slot {
            // Closed meanwhile: what came of the call is the program's, but a wait of ours is over.
            let waited = matches!(self.stage, Stage::Lent(_)) && outcome == error(libc::EAGAIN)
                || matches!(self.stage, Stage::Started(_) | Stage::Asked(_)) && pending;
            return Step::Done(if waited { error(libc::EBADF) } else { outcome });
        }
        if outcome < 0 && !pending && d.has(Flag::Connecting) && outcome != error(libc::EINTR) {
            e.attempt_ended(d);
        }
        match self.stage {
            Stage::Waiting => self.waited(e, d, outcome),
            Stage::Lent(_) if outcome == error(libc::EAGAIN) => self.backlog_stayed_full(e, d),
            // With a timeout, which is ours, the kernel answers so in spite of SA_RESTART.
            Stage::Lent(_)
                if outcome == error(libc::EINTR)
                    && self.own_timeout == 0
                    && crate::sys::signal::every_handler_restarts(&e.kernel) =>
            {
                self.backlog_stayed_full(e, d)
            }
            Stage::Started(_) if pending => {
                self.unfinished = outcome.wrapping_neg() as i32;
                e.attempt_began(self.fd, self.slot, d);
                self.wait(e, d)
            }
            Stage::Started(_) if outcome == error(libc::EINTR) => {
                e.attempt_began(self.fd, self.slot, d);
                self.waited(e, d, outcome)
            }
            // Not yet, after all.
            Stage::Asked(_) if pending => self.wait(e, d),
            Stage::Asked(_) if outcome == error(libc::EINTR) => self.waited(e, d, outcome),
            // Another thread has asked.
            Stage::Asked(_) if outcome == error(libc::EISCONN) => self.ended(e, d, 0, e.kernel.now()),
            Stage::Asked(_) => self.ended(e, d, outcome, e.kernel.now()),
            Stage::NonBlocking if pending => {
                let (now, way) = (e.kernel.now(), e.way_in_set(self.fd, d));
                if e.overdue(self.fd, self.slot, d, Direction::Write, way, "connect", now) {
                    e.take_aborted(self.fd, d);
                    return Step::Done(error(libc::ETIMEDOUT));
                }
                e.attempt_began(self.fd, self.slot, d);
                Step::Done(outcome)
            }
            _ => {
                if outcome == 0 && !d.has(Flag::Unix) && e.opens_fast(self.fd) && !e.is_established(self.fd) {
                    e.attempt_began(self.fd, self.slot, d);
                    d.set(Flag::FastOpen);
                }
                Step::Done(outcome)
            }
        }
    }
}

impl<K: Kernel> Engine<K> {
    /// The program is about to connect to this address: find its rules. `None`: nothing of ours.
    pub(crate) fn dial(&self, fd: i32, address: usize, length: usize) -> Option<(SlotWord, &Description)> {
        let k = &self.kernel;
        let slot = self.slots.word(fd);
        let tracked = slot.kind() == Kind::Socket;
        let policy = &self.settings.peek()?.policy;
        if slot.kind() == Kind::Closing {
            return None;
        }
        let movable = self.movable();
        if !tracked && policy.is_empty() && !movable {
            return None;
        }
        let mut bytes = [0; 128];
        let bytes = bytes.get_mut(..length.min(128))?;
        if !program::copy_in(k, bytes, address) {
            return None;
        }
        let stream = socket::kind(k, fd) == Ok(libc::SOCK_STREAM);
        let decision = match Addr::from_sockaddr(bytes) {
            Some(address) if stream => policy.destination(&address),
            _ => crate::policy::Decision::NONE,
        };
        if decision.is_none() && !tracked && !movable {
            // Looked at: no rule wants it.
            if slot.kind() == Kind::Unknown {
                self.slots.settle(k, fd, slot, Kind::Plain, 0);
            }
            return None;
        }
        if !tracked {
            let found = self.ruled_by(fd, decision, false)?;
            self.measure_dial(fd, found.1, Addr::from_sockaddr(bytes));
            return Some(found);
        }
        let (slot, d) = self.describe(fd)?;
        // The call that comes is told how that went; it begins no other.
        let over = d.has(Flag::Connecting) && !self.is_pending(fd);
        if over {
            self.attempt_ended(d);
        }
        if !d.has(Flag::Connecting) {
            d.clear(Flag::Accepted);
            self.ruled_by(fd, decision, false);
            if !over {
                self.measure_dial(fd, d, Addr::from_sockaddr(bytes));
            }
        }
        Some((slot, d))
    }

    pub(crate) fn is_pending(&self, fd: i32) -> bool {
        socket::tcp_info(&self.kernel, fd).map_or(true, |info| super::judge::is_pending(&info))
    }

    /// A connect attempt has failed: nothing of it is left for the next one.
    pub(crate) fn attempt_ended(&self, d: &Description) {
        self.measure_end(d, Running::Connect);
        d.clear(Flag::Connecting);
        d.clear(Flag::FastOpen);
        d.write.store(State::Idle, d.generation());
        d.read.store(State::Idle, d.generation());
    }

    /// A connect attempt is under way; its clock runs from its first call.
    pub(crate) fn attempt_began(&self, fd: i32, slot: SlotWord, d: &Description) {
        let now = self.kernel.now();
        if !d.has(Flag::Connecting) {
            d.write_start.store(now, Relaxed);
            d.set(Flag::Connecting);
            d.write.store(State::Idle, d.generation());
        }
        let nonblocking = d.send_timeout() != 0 && self.is_nonblocking(fd);
        self.arm(fd, slot, d, Direction::Write, Way { nonblocking, single: false }, now);
    }

    fn opens_fast(&self, fd: i32) -> bool {
        const TCP_FASTOPEN_CONNECT: i32 = 30;
        socket::option_u32(&self.kernel, fd, libc::IPPROTO_TCP, TCP_FASTOPEN_CONNECT).is_ok_and(|on| on != 0)
    }

    /// The expired connect's error, told once: to whichever call comes first.
    pub(crate) fn take_aborted(&self, fd: i32, d: &Description) -> bool {
        if !d.clear(Flag::Aborted) {
            return false;
        }
        // The abort left ECONNRESET behind.
        let _ = socket::take_error(&self.kernel, fd);
        d.write.store(State::Idle, d.generation());
        true
    }

    /// Nothing is cut short, only recorded.
    pub(crate) fn observing(&self) -> bool {
        self.settings.peek().is_some_and(|s| s.observe)
    }
}
