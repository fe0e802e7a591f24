//! read, readv, recv, recvfrom, recvmsg, recvmmsg.
//!
//! Without a rule the program's own call is made first and the kernel bounds it; under a rule the call is tried without
//! blocking and the wait is ours. The only call that may take bytes is the last before `Done`, so nothing is lost to a signal.

use super::body::{is_usual, Body, Course};
use super::clock::{Direction, Way};
use super::explicit::Tried;
use super::judge::Verdict;
use super::options::Loan;
use super::wake::Patience;
use super::{error, Call, Operation, Reading, Scope, Step};
use crate::sys::{socket, Kernel};
use crate::table::{Description, Flag, SlotWord};
use crate::Engine;
use core::sync::atomic::Ordering::Relaxed;

const MSG_DONTWAIT: usize = libc::MSG_DONTWAIT as usize;
const MSG_WAITALL: usize = libc::MSG_WAITALL as usize;
const MSG_PEEK: usize = libc::MSG_PEEK as usize;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The program's own call, whatever it answers.
    Plain,
    /// The program's own call on a socket that only source 2 concerns.
    Own,
    /// The call that does not block.
    Try,
    /// Waiting for input.
    Waiting,
    /// The program's own call, the kernel bounding it.
    Lent,
}

/// A receiving call.
pub struct Receive {
    name: &'static str,
    fd: i32,
    own: Call,
    attempt: Call,
    flags: usize,
    body: Body,
    stage: Stage,
    slot: SlotWord,
    began: u64,
    /// The kernel's own timeout for this blocking call, ns.
    own_timeout: u64,
    done: usize,
    /// How often a wait said ready and the call found nothing: an entry in the error queue does that.
    vain: u32,
    loan: Option<Loan>,
    patience: Patience,
}

impl Receive {
    fn new(name: &'static str, fd: i32, own: Call, attempt: Call, flags: usize, body: Body) -> Receive {
        Receive {
            name,
            fd,
            own,
            attempt,
            flags,
            body,
            stage: Stage::Plain,
            slot: SlotWord::UNTOUCHED,
            began: 0,
            own_timeout: 0,
            done: 0,
            vain: 0,
            loan: None,
            patience: Patience::new(),
        }
    }

    /// read(2). Zero bytes are no recv of zero bytes: that would eat a datagram. More than there is memory is refused by read alone.
    pub fn read(name: &'static str, fd: i32, buf: usize, len: usize) -> Receive {
        let own = Call::new(libc::SYS_read, [fd as usize, buf, len, 0, 0, 0]);
        let attempt = Call::new(libc::SYS_recvfrom, [fd as usize, buf, len, MSG_DONTWAIT, 0, 0]);
        Receive::new(name, fd, own, if is_usual(len) { attempt } else { own }, 0, Body::Buffer(buf, len))
    }

    /// readv(2). `message` is the address of a `msghdr` of the door's own that holds the same vector.
    pub fn readv(fd: i32, iov: usize, count: usize, message: usize) -> Receive {
        let own = Call::new(libc::SYS_readv, [fd as usize, iov, count, 0, 0, 0]);
        let attempt = Call::new(libc::SYS_recvmsg, [fd as usize, message, MSG_DONTWAIT, 0, 0, 0]);
        // Counts that readv refuses are refused by readv, in its own way.
        let attempt = if (1..=1024).contains(&count) { attempt } else { own };
        Receive::new("readv", fd, own, attempt, 0, Body::Vector(iov, count))
    }

    /// recv(2) and recvfrom(2).
    pub fn recvfrom(name: &'static str, args: [usize; 6]) -> Receive {
        let [fd, buf, len, flags, from, from_len] = args;
        let own = Call::new(libc::SYS_recvfrom, args);
        let attempt = Call::new(libc::SYS_recvfrom, [fd, buf, len, flags | MSG_DONTWAIT, from, from_len]);
        Receive::new(name, fd as i32, own, attempt, flags, Body::Buffer(buf, len))
    }

    /// recvmsg(2).
    pub fn recvmsg(fd: i32, message: usize, flags: usize) -> Receive {
        let own = Call::new(libc::SYS_recvmsg, [fd as usize, message, flags, 0, 0, 0]);
        let attempt = Call::new(libc::SYS_recvmsg, [fd as usize, message, flags | MSG_DONTWAIT, 0, 0, 0]);
        Receive::new("recvmsg", fd, own, attempt, flags, Body::Message(message))
    }

    /// recvmmsg(2). With a timeout of its own it is left to the kernel.
    pub fn recvmmsg(fd: i32, vector: usize, count: usize, flags: usize, timeout: usize) -> Receive {
        let own = Call::new(libc::SYS_recvmmsg, [fd as usize, vector, count, flags, timeout, 0]);
        let attempt = Call::new(libc::SYS_recvmmsg, [fd as usize, vector, count, flags | MSG_DONTWAIT, 0, 0]);
        Receive::new(
            "recvmmsg",
            fd,
            own,
            if timeout == 0 { attempt } else { own },
            flags,
            Body::Messages(vector, count),
        )
    }

    /// Go on from what the call answered that was tried first.
    pub fn tried<K: Kernel>(&mut self, e: &Engine<K>, reading: Reading, outcome: isize) -> Step {
        self.slot = reading.slot;
        self.stage = if self.dontwait() { Stage::Own } else { Stage::Try };
        self.resume(e, outcome)
    }

    /// Go on from what the program's own call answered, which was made at once.
    pub fn answered<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        let Some((slot, _)) = e.socket(self.fd) else { return Step::Done(outcome) };
        self.slot = slot;
        self.stage = Stage::Own;
        self.resume(e, outcome)
    }

    fn dontwait(&self) -> bool {
        self.flags & MSG_DONTWAIT != 0
    }

    /// Is it we who do not wait, rather than the program?
    fn tries(&self, stage: Stage) -> bool {
        matches!(stage, Stage::Try | Stage::Lent) && !self.dontwait()
    }

    /// Does a blocking call of this kind wait for all it has room for?
    fn waits_for_all(&self, d: &Description) -> bool {
        match self.body {
            Body::Messages(..) => self.flags & libc::MSG_WAITFORONE as usize == 0,
            _ => self.flags & MSG_WAITALL != 0 && d.has(Flag::Stream),
        }
    }

    fn description<'a, K: Kernel>(&self, e: &'a Engine<K>) -> Option<&'a Description> {
        e.descriptions.at(self.slot.index())
    }

    fn finish(&self, outcome: isize) -> Step {
        // Bytes that were read are never lost to what came after them.
        Step::Done(if self.done > 0 { self.done as isize } else { outcome })
    }

    /// Poll cannot wait for this (it reports POLLERR for an entry in the error queue, again and again): the program's own call
    /// waits, the kernel bounding it.
    fn lend<K: Kernel>(&mut self, e: &Engine<K>, until: u64) -> Step {
        let flags = self.flags & !MSG_DONTWAIT;
        let call = match self.done {
            0 => self.own,
            done => self.body.rest(Course::Receiving, self.fd, done, flags),
        };
        self.stage = Stage::Lent;
        if until != u64::MAX {
            let left = until.saturating_sub(e.kernel.now()).max(1000);
            self.loan = Loan::take(e, self.fd, libc::SO_RCVTIMEO, left);
        }
        Step::Call(call)
    }

    fn wait<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, now: u64) -> Step {
        let way = Way { nonblocking: false, single: true };
        self.patience.announce(e, d);
        let mut until = e.arm(self.fd, self.slot, d, Direction::Read, way, now).min(e.look_again(d, now));
        if self.began == 0 {
            self.began = now;
            self.own_timeout = e.kernel_timeout(self.fd, libc::SO_RCVTIMEO);
        }
        if self.own_timeout != 0 {
            until = until.min(self.began.saturating_add(self.own_timeout));
        }
        self.stage = Stage::Waiting;
        if self.vain > 1 {
            self.patience.end(e);
            let until = until.min(e.bound(d, Direction::Read, self.patience.scope).at);
            return self.lend(e, e.waits_until(&None, until, now));
        }
        self.pause(e, d, until, now)
    }

    fn pause<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, until: u64, now: u64) -> Step {
        self.stage = Stage::Waiting;
        let step = self.patience.wait(e, (self.fd, self.slot, d), Direction::Read, until, now);
        step.unwrap_or_else(|| self.finish(error(libc::EBADF)))
    }

    /// What bounds reads of this socket has passed.
    fn cut<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, now: u64) -> Step {
        let bound = e.bound(d, Direction::Read, self.patience.scope);
        let tried = Tried { began: self.began, bytes: self.done };
        e.cut(self.fd, d, Direction::Read, bound, self.name, tried, now);
        self.finish(error(libc::ETIMEDOUT))
    }

    /// The program's own call: it does not wait, or cannot be made in pieces. Only what is set now bounds it.
    fn kernels<K: Kernel>(&mut self, e: &Engine<K>, d: &Description) -> Step {
        let until = e.bound(d, Direction::Read, self.patience.scope).at;
        if until != u64::MAX && !self.dontwait() && !e.is_nonblocking(self.fd) {
            self.began = e.kernel.now();
            return self.lend(e, until);
        }
        self.stage = Stage::Own;
        Step::Call(self.own)
    }

    /// The call would block.
    fn would_block<K: Kernel>(&mut self, e: &Engine<K>, d: &Description) -> Step {
        let again = error(libc::EAGAIN);
        if self.stage == Stage::Try && self.own.nr == libc::SYS_readv && self.body.length() == 0 {
            return Step::Done(0);
        }
        let nonblocking = self.dontwait() || e.never_waits(self.fd, d);
        if self.tries(self.stage) && e.slots.word(self.fd) != self.slot {
            // Closed since it was tried: who never waits on it is not known any more.
            return self.finish(error(libc::EBADF));
        }
        if self.stage == Stage::Own && !nonblocking {
            // The kernel's own timeout.
            return self.finish(again);
        }
        if e.deliver(self.fd, self.slot, d, Direction::Read) {
            return self.finish(error(libc::ETIMEDOUT));
        }
        let now = e.kernel.now();
        if nonblocking {
            // Without an epoll set it is the program's own loop that waits: each try is a wait for the gap rule.
            let nonblocking = !self.dontwait() || e.never_waits(self.fd, d);
            let way = Way { nonblocking, single: e.waits_alone(self.fd, d, now) };
            if d.has(Flag::TriesFirst) {
                d.set(Flag::WantsInput);
            }
            if e.overdue(self.fd, self.slot, d, Direction::Read, way, self.name, now) {
                e.take_aborted(self.fd, d);
                return self.finish(error(libc::ETIMEDOUT));
            }
            e.arm(self.fd, self.slot, d, Direction::Read, way, now);
            d.waited(now);
            return self.finish(again);
        }
        self.wait(e, d, now)
    }

    fn waited<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, outcome: isize) -> Step {
        if !e.is_still(self.fd, self.slot, d) {
            return self.finish(error(libc::EBADF));
        }
        let now = e.kernel.now();
        d.waited(now);
        if outcome > 0 {
            self.stage = Stage::Try;
            self.vain += 1;
            return Step::Call(self.attempt);
        }
        if outcome == error(libc::EINTR) {
            // With a receive timeout the kernel answers EINTR despite SA_RESTART (man 7 signal), and so do we.
            if self.own_timeout == 0 && self.done == 0 && crate::sys::signal::every_handler_restarts(&e.kernel) {
                return self.wait(e, d, now);
            }
            return self.finish(outcome);
        }
        if outcome < 0 {
            return self.finish(outcome);
        }
        if e.bound(d, Direction::Read, self.patience.scope).at <= now {
            return self.cut(e, d, now);
        }
        if self.own_timeout != 0 && self.began.saturating_add(self.own_timeout) <= now {
            return self.finish(error(libc::EAGAIN));
        }
        let way = Way { nonblocking: false, single: true };
        match e.judge(self.fd, d, Direction::Read, way, now) {
            Verdict::Gone => {
                e.forget(self.fd);
                self.finish(error(libc::EBADF))
            }
            Verdict::Due(due) if e.expire(self.fd, d, Direction::Read, due, self.name, now) => {
                e.take_aborted(self.fd, d);
                // A set that holds the socket goes on waiting.
                e.rearm_input(self.fd, self.slot, d);
                e.moved(d, self.done);
                self.finish(error(libc::ETIMEDOUT))
            }
            Verdict::Due(_) if d.has(Flag::Explicit) => self.wait(e, d, now),
            Verdict::Due(_) if self.done == 0 && !e.movable() => {
                // Observed only: wait on as the program would have.
                self.stage = Stage::Own;
                Step::Call(self.own)
            }
            Verdict::Due(_) => self.pause(e, d, u64::MAX, now),
            _ => self.wait(e, d, now),
        }
    }

    fn received<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, count: usize) -> Step {
        e.bytes_came(self.fd, self.slot, d, count);
        self.vain = 0;
        self.done = self.done.saturating_add(count);
        let more = self.stage == Stage::Try
            && count > 0
            && self.waits_for_all(d)
            && self.done < self.body.length()
            && !e.is_nonblocking(self.fd);
        if more {
            self.attempt = self.body.rest(Course::Receiving, self.fd, self.done, self.flags | MSG_DONTWAIT);
            return Step::Call(self.attempt);
        }
        Step::Done(self.done as isize)
    }

    /// SO_RCVLOWAT: trying first would return less than the program asked to be woken for, so poll, which keeps it, comes
    /// first. True if that cannot be done here.
    fn below_low_water<K: Kernel>(&self, e: &Engine<K>) -> bool {
        let least = socket::receive_low_water(&e.kernel, self.fd).unwrap_or(1) as usize;
        !matches!(self.body, Body::Buffer(_, len) if len >= least)
    }
}

impl Operation for Receive {
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        let Some((slot, d)) = e.socket(self.fd) else { return e.unmanaged(self.fd, self.own) };
        self.slot = slot;
        if e.outlived(self.fd, d, self.name) || e.take_aborted(self.fd, d) {
            return Step::Done(error(libc::ETIMEDOUT));
        }
        if self.attempt.is(&self.own) && !self.dontwait() {
            return Step::Call(self.own);
        }
        if self.own.nr == libc::SYS_readv && !d.has(Flag::Stream) && self.body.is_nothing(&e.kernel) {
            // No bytes in all: a recvmsg would eat a datagram.
            return Step::Call(self.own);
        }
        if self.flags & (libc::MSG_ERRQUEUE | libc::MSG_OOB) as usize != 0 {
            // These never wait, and what they ask for is no answer of the peer.
            return Step::Call(self.own);
        }
        if e.too_late(self.fd, d, Direction::Read, self.patience.scope, self.name) {
            // Go's contract: to read nothing is no error, ever.
            let nothing = d.has(Flag::Stream) && matches!(self.body, Body::Buffer(_, 0));
            return Step::Done(if nothing { 0 } else { error(libc::ETIMEDOUT) });
        }
        // A peek that waits for all cannot be made in pieces: the kernel's, without a bound.
        let peeks_all = self.flags & (MSG_PEEK | MSG_WAITALL) == MSG_PEEK | MSG_WAITALL;
        let bounded = e.movable() || d.any_rule() && d.has(Flag::Stream);
        // Nor can messages of which each waits for all of itself.
        let messages = matches!(self.body, Body::Messages(..)) && self.flags & MSG_WAITALL != 0 && d.has(Flag::Stream);
        if !bounded || self.dontwait() || peeks_all || messages {
            return self.kernels(e, d);
        }
        if d.has(Flag::LowWater) && !e.is_nonblocking(self.fd) {
            if self.below_low_water(e) {
                return self.kernels(e, d);
            }
            return self.wait(e, d, e.kernel.now());
        }
        self.stage = Stage::Try;
        Step::Call(self.attempt)
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        let stage = self.stage;
        self.patience.end(e);
        if let Some(loan) = self.loan.take() {
            loan.give_back(e, self.fd);
        }
        if stage == Stage::Plain {
            return self.finish(outcome);
        }
        let Some(d) = self.description(e) else { return self.finish(outcome) };
        if stage != Stage::Waiting && e.slots.word(self.fd) != self.slot {
            // Closed by another thread meanwhile: what came of the call is the program's, what it means to the number is not.
            self.done = self.done.saturating_add(outcome.max(0) as usize);
            return self.finish(if self.tries(stage) && outcome == error(libc::EAGAIN) {
                error(libc::EBADF)
            } else {
                outcome
            });
        }
        match stage {
            Stage::Waiting => self.waited(e, d, outcome),
            _ if outcome == error(libc::ENOTSOCK) => {
                e.forget(self.fd);
                self.stage = Stage::Plain;
                Step::Call(self.own)
            }
            Stage::Lent if outcome == error(libc::EAGAIN) => self.waited(e, d, 0),
            Stage::Lent if outcome == error(libc::EINTR) => self.waited(e, d, outcome),
            _ if outcome == error(libc::EAGAIN) => self.would_block(e, d),
            _ if outcome >= 0 => self.received(e, d, outcome as usize),
            _ => self.finish(outcome),
        }
    }

    fn within(&mut self, scope: Scope) {
        self.patience.scope = scope;
    }
}

impl<K: Kernel> Engine<K> {
    /// Bytes (or, with 0, the end) came from the peer.
    pub(crate) fn bytes_came(&self, fd: i32, slot: SlotWord, d: &Description, count: usize) {
        if d.has_any(Flag::OneShot as u32 | Flag::Measured as u32) {
            self.seldom_came(fd, slot, d, count);
        }
        if count == 0 {
            d.received();
            d.clear(Flag::Paused);
            d.read.store(crate::table::State::Idle, d.generation());
            return;
        }
        let waits = d.has(Flag::WantsInput) && !d.has(Flag::TriesFirst) && d.in_sets();
        // The clock stands still while the program works on a request, and need not be read. (But what a page shows was read.)
        let pauses = d.has(Flag::Accepted) && !d.has(Flag::Measured);
        let stays = if waits && !pauses {
            let now = self.kernel.now();
            // Before the flags: `Description::wrote`.
            d.read_start.store(now, Relaxed);
            let published = d.received();
            self.restart_input(d, now, published)
        } else {
            d.received();
            waits && self.pause_input(d)
        };
        if !stays {
            self.rearm_input(fd, slot, d);
        }
    }

    /// The same, for what few sockets have.
    #[cold]
    fn seldom_came(&self, fd: i32, slot: SlotWord, d: &Description, count: usize) {
        self.measure_input(fd, d);
        if count != 0 && d.has(Flag::OneShot) {
            self.spend_oneshots(fd, slot, d, super::epoll::INPUT);
        }
    }
}
