//! write, writev, send, sendto, sendmsg.
//!
//! A blocking write writes everything or waits; under a rule it is made in pieces that do not block, and what was written
//! when the deadline came is reported, the error only by the next call.

use super::body::{is_usual, Body, Course};
use super::clock::{Direction, Way};
use super::explicit::Tried;
use super::judge::Verdict;
use super::options::Loan;
use super::wake::Patience;
use super::{error, Call, Operation, Scope, Sending, Step, Write};
use crate::sys::Kernel;
use crate::table::{Description, Flag, SlotWord, State};
use crate::Engine;
use core::sync::atomic::Ordering::Relaxed;

const MSG_DONTWAIT: usize = libc::MSG_DONTWAIT as usize;
const MSG_NOSIGNAL: usize = libc::MSG_NOSIGNAL as usize;
const MSG_FASTOPEN: usize = libc::MSG_FASTOPEN as usize;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The program's own call, whatever it answers.
    Plain,
    /// The program's own call on a socket that only source 2 concerns.
    Own,
    /// A piece that does not block.
    Try,
    /// Waiting for room.
    Waiting,
    /// The program's own call, the kernel bounding it.
    Lent,
    /// TCP Fast Open: the bytes ride on the SYN, and a blocking call ends when the connection stands.
    Connecting,
}

/// A sending call.
pub struct Send {
    name: &'static str,
    fd: i32,
    own: Call,
    attempt: Call,
    flags: usize,
    body: Body,
    /// Address and length of the destination of a MSG_FASTOPEN.
    to: (usize, usize),
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

impl Send {
    fn new(name: &'static str, fd: i32, own: Call, attempt: Call, flags: usize, body: Body) -> Send {
        Send {
            name,
            fd,
            own,
            attempt,
            flags,
            body,
            to: (0, 0),
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

    /// write(2).
    pub fn write(fd: i32, buf: usize, len: usize) -> Send {
        let own = Call::new(libc::SYS_write, [fd as usize, buf, len, 0, 0, 0]);
        let attempt = Call::new(libc::SYS_sendto, [fd as usize, buf, len, MSG_DONTWAIT, 0, 0]);
        Send::new("write", fd, own, if is_usual(len) { attempt } else { own }, 0, Body::Buffer(buf, len))
    }

    /// writev(2). To write nothing is no error where nothing can be written any more, so SIGPIPE is left to the program's own call.
    /// `message` is the address of a `msghdr` of the door's own that holds the same vector.
    pub fn writev(fd: i32, iov: usize, count: usize, message: usize) -> Send {
        let own = Call::new(libc::SYS_writev, [fd as usize, iov, count, 0, 0, 0]);
        let attempt = Call::new(libc::SYS_sendmsg, [fd as usize, message, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0, 0]);
        let attempt = if (1..=1024).contains(&count) { attempt } else { own };
        Send::new("writev", fd, own, attempt, 0, Body::Vector(iov, count))
    }

    /// send(2) and sendto(2).
    pub fn sendto(name: &'static str, args: [usize; 6]) -> Send {
        let [fd, buf, len, flags, to, to_len] = args;
        let own = Call::new(libc::SYS_sendto, args);
        let attempt = Call::new(libc::SYS_sendto, [fd, buf, len, flags | MSG_DONTWAIT, to, to_len]);
        let mut send = Send::new(name, fd as i32, own, attempt, flags, Body::Buffer(buf, len));
        send.to = (to, to_len);
        send
    }

    /// sendmsg(2). The vector is read from the message once the kernel has accepted it.
    pub fn sendmsg(fd: i32, message: usize, flags: usize) -> Send {
        let own = Call::new(libc::SYS_sendmsg, [fd as usize, message, flags, 0, 0, 0]);
        let attempt = Call::new(libc::SYS_sendmsg, [fd as usize, message, flags | MSG_DONTWAIT, 0, 0, 0]);
        Send::new("sendmsg", fd, own, attempt, flags, Body::Message(message))
    }

    /// The same, by another name in records.
    pub(crate) fn named(self, name: &'static str) -> Send {
        Send { name, ..self }
    }

    fn dontwait(&self) -> bool {
        self.flags & MSG_DONTWAIT != 0
    }

    /// Is it we who do not wait, rather than the program?
    fn tries(&self) -> bool {
        matches!(self.stage, Stage::Try | Stage::Lent) && !self.dontwait()
    }

    fn finish(&self, outcome: isize) -> Step {
        Step::Done(if self.done > 0 { self.done as isize } else { outcome })
    }

    /// Poll cannot wait for this (it reports POLLERR for an entry in the error queue, again and again): the program's own call
    /// waits, the kernel bounding it.
    fn lend<K: Kernel>(&mut self, e: &Engine<K>, until: u64) -> Step {
        let flags = self.flags & !(MSG_FASTOPEN | MSG_DONTWAIT);
        let call = match self.done {
            0 => self.own,
            done => self.body.rest(Course::Sending, self.fd, done, flags),
        };
        self.stage = Stage::Lent;
        if until != u64::MAX {
            let left = until.saturating_sub(e.kernel.now()).max(1000);
            self.loan = Loan::take(e, self.fd, libc::SO_SNDTIMEO, left);
        }
        Step::Call(call)
    }

    fn wait<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, now: u64) -> Step {
        let way = Way { nonblocking: false, single: true };
        self.patience.announce(e, d);
        let mut until = e.arm(self.fd, self.slot, d, Direction::Write, way, now);
        if self.began == 0 {
            self.began = now;
            self.own_timeout = e.kernel_timeout(self.fd, libc::SO_SNDTIMEO);
        }
        if self.own_timeout != 0 {
            until = until.min(self.began.saturating_add(self.own_timeout));
        }
        if self.stage != Stage::Connecting {
            self.stage = Stage::Waiting;
        }
        if self.vain > 1 && self.stage == Stage::Waiting {
            self.patience.end(e);
            let until = until.min(e.bound(d, Direction::Write, self.patience.scope).at);
            return self.lend(e, e.waits_until(&None, until, now));
        }
        self.pause(e, d, until, now)
    }

    fn pause<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, until: u64, now: u64) -> Step {
        let step = self.patience.wait(e, (self.fd, self.slot, d), Direction::Write, until, now);
        step.unwrap_or_else(|| self.finish(error(libc::EBADF)))
    }

    fn would_block<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, outcome: isize) -> Step {
        let nonblocking = self.dontwait() || e.never_waits(self.fd, d);
        if self.tries() && e.slots.word(self.fd) != self.slot {
            // Closed since it was tried: who never waits on it is not known any more.
            return self.finish(error(libc::EBADF));
        }
        if self.stage == Stage::Own && !nonblocking {
            // The kernel's own timeout.
            return self.finish(outcome);
        }
        let now = e.kernel.now();
        if nonblocking {
            let way = Way { nonblocking: !self.dontwait() || e.never_waits(self.fd, d), single: false };
            if e.overdue(self.fd, self.slot, d, Direction::Write, way, self.name, now) {
                e.take_aborted(self.fd, d);
                return self.finish(error(libc::ETIMEDOUT));
            }
            e.arm(self.fd, self.slot, d, Direction::Write, way, now);
            return self.finish(outcome);
        }
        self.wait(e, d, now)
    }

    fn waited<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, outcome: isize) -> Step {
        if !e.is_still(self.fd, self.slot, d) {
            return self.finish(error(libc::EBADF));
        }
        let now = e.kernel.now();
        if outcome > 0 && self.stage == Stage::Connecting {
            e.connected(self.fd, d, now);
            let failed = crate::sys::socket::take_error(&e.kernel, self.fd).unwrap_or(0);
            return if failed == 0 { self.finish(0) } else { Step::Done(error(failed)) };
        }
        if outcome > 0 {
            self.stage = Stage::Try;
            self.vain += 1;
            d.writes();
            return Step::Call(self.attempt);
        }
        if outcome == error(libc::EINTR) {
            if self.own_timeout == 0 && self.done == 0 && crate::sys::signal::every_handler_restarts(&e.kernel) {
                return self.wait(e, d, now);
            }
            return self.finish(outcome);
        }
        if outcome < 0 {
            return self.finish(outcome);
        }
        let bound = e.bound(d, Direction::Write, self.patience.scope);
        if bound.at <= now {
            let tried = Tried { began: self.began, bytes: self.done };
            e.cut(self.fd, d, Direction::Write, bound, self.name, tried, now);
            e.take_aborted(self.fd, d);
            let lost = self.stage == Stage::Connecting;
            return if lost { Step::Done(error(libc::ETIMEDOUT)) } else { self.finish(error(libc::ETIMEDOUT)) };
        }
        if self.own_timeout != 0 && self.began.saturating_add(self.own_timeout) <= now {
            return self.finish(error(libc::EAGAIN));
        }
        let way = Way { nonblocking: false, single: true };
        match e.judge(self.fd, d, Direction::Write, way, now) {
            Verdict::Gone => {
                e.forget(self.fd);
                self.finish(error(libc::EBADF))
            }
            Verdict::Due(due) if e.expire(self.fd, d, Direction::Write, due, self.name, now) => {
                e.take_aborted(self.fd, d);
                if self.stage == Stage::Connecting {
                    // What rode on the SYN never arrived.
                    return Step::Done(error(libc::ETIMEDOUT));
                }
                if self.done > 0 {
                    d.set(Flag::ShortWrite);
                }
                e.moved(d, self.done);
                self.finish(error(libc::ETIMEDOUT))
            }
            Verdict::Due(_) if d.has(Flag::Explicit) => self.wait(e, d, now),
            Verdict::Due(_) => self.pause(e, d, u64::MAX, now),
            _ => self.wait(e, d, now),
        }
    }

    /// A writev's attempt has failed. With no bytes in all it should not even have been made.
    fn refused_vector<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        if outcome == error(libc::EPIPE) {
            self.stage = Stage::Plain;
            return Step::Call(self.own);
        }
        if self.body.is_nothing(&e.kernel) {
            return Step::Done(0);
        }
        self.finish(outcome)
    }

    /// The call that sends what is left, without blocking.
    fn rest(&self) -> Call {
        // After a part of it has gone, an error is the next call's affair, and so is its signal.
        let flags = self.flags & !MSG_FASTOPEN | MSG_DONTWAIT | MSG_NOSIGNAL;
        self.body.rest(Course::Sending, self.fd, self.done, flags)
    }

    fn sent<K: Kernel>(&mut self, e: &Engine<K>, d: &Description, count: usize) -> Step {
        let now = e.kernel.now();
        let opens = self.flags & MSG_FASTOPEN != 0 && self.to.0 != 0 && !d.has(Flag::Connecting);
        e.bytes_went(self.fd, self.slot, d, now);
        self.vain = 0;
        let rides = opens || d.clear(Flag::FastOpen);
        self.done = self.done.saturating_add(count);
        if rides && !e.is_established(self.fd) {
            e.attempt_began(self.fd, self.slot, d);
            if self.stage == Stage::Try && !e.is_nonblocking(self.fd) {
                self.stage = Stage::Connecting;
                return self.wait(e, d, now);
            }
            return Step::Done(self.done as isize);
        }
        let short = count > 0 && self.done < self.body.length();
        if !short {
            return Step::Done(self.done as isize);
        }
        let nonblocking = self.dontwait() || e.never_waits(self.fd, d);
        if nonblocking {
            let way = Way { nonblocking: !self.dontwait() || e.never_waits(self.fd, d), single: false };
            e.arm(self.fd, self.slot, d, Direction::Write, way, now);
            return Step::Done(self.done as isize);
        }
        if self.stage == Stage::Own {
            // The kernel's own timeout, or a signal.
            return Step::Done(self.done as isize);
        }
        self.attempt = self.rest();
        d.writes();
        Step::Call(self.attempt)
    }
}

impl Operation for Send {
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        let (to, to_len) = self.to;
        if self.flags & MSG_FASTOPEN != 0 && to != 0 && e.active() {
            e.dial(self.fd, to, to_len);
        }
        let Some((slot, d)) = e.socket(self.fd) else { return e.unmanaged(self.fd, self.own) };
        self.slot = slot;
        if e.outlived(self.fd, d, self.name)
            || e.too_late(self.fd, d, Direction::Write, self.patience.scope, self.name)
            || e.take_aborted(self.fd, d)
            || e.deliver(self.fd, slot, d, Direction::Write)
        {
            // Without trying first: the kernel may say that there is no room and yet accept a byte, and that doubled the wait.
            return Step::Done(error(libc::ETIMEDOUT));
        }
        if d.clear(Flag::ShortWrite) && crate::sys::poll_now(&e.kernel, self.fd, libc::POLLOUT) == 0 {
            return Step::Done(error(libc::ETIMEDOUT));
        }
        if self.attempt.is(&self.own) && !self.dontwait() {
            return Step::Call(self.own);
        }
        if self.own.nr == libc::SYS_writev && !d.has(Flag::Stream) && self.body.is_nothing(&e.kernel) {
            // No bytes in all: a sendmsg would send an empty datagram.
            return Step::Call(self.own);
        }
        d.writes();
        let bounded = (e.movable() || d.any_rule() && d.has(Flag::Stream)) && !self.dontwait();
        self.stage = if bounded { Stage::Try } else { Stage::Own };
        Step::Call(if bounded { self.attempt } else { self.own })
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        self.patience.end(e);
        if let Some(loan) = self.loan.take() {
            loan.give_back(e, self.fd);
        }
        if self.stage == Stage::Plain {
            return Step::Done(outcome);
        }
        let Some(d) = e.descriptions.at(self.slot.index()) else { return self.finish(outcome) };
        let waited = matches!(self.stage, Stage::Waiting | Stage::Connecting);
        if !waited && e.slots.word(self.fd) != self.slot {
            // Closed by another thread meanwhile: what came of the call is the program's, what it means to the number is not.
            self.done = self.done.saturating_add(outcome.max(0) as usize);
            return self.finish(if self.tries() && outcome == error(libc::EAGAIN) {
                error(libc::EBADF)
            } else {
                outcome
            });
        }
        match self.stage {
            Stage::Waiting | Stage::Connecting => self.waited(e, d, outcome),
            _ if outcome == error(libc::ENOTSOCK) && self.done == 0 => {
                e.forget(self.fd);
                self.stage = Stage::Plain;
                Step::Call(self.own)
            }
            Stage::Lent if outcome == error(libc::EAGAIN) => self.waited(e, d, 0),
            Stage::Lent if outcome == error(libc::EINTR) => self.waited(e, d, outcome),
            _ if outcome == error(libc::EAGAIN) => self.would_block(e, d, outcome),
            // TCP Fast Open: the SYN went out, the data did not; for a blocking program the call waits.
            _ if outcome == error(libc::EINPROGRESS) => {
                self.attempt = self.rest();
                e.attempt_began(self.fd, self.slot, d);
                self.would_block(e, d, outcome)
            }
            _ if outcome >= 0 => self.sent(e, d, outcome as usize),
            _ if self.own.nr == libc::SYS_writev && self.done == 0 => self.refused_vector(e, outcome),
            _ => self.finish(outcome),
        }
    }

    fn within(&mut self, scope: Scope) {
        self.patience.scope = scope;
    }
}

impl Write for Send {
    fn tried<K: Kernel>(&mut self, e: &Engine<K>, sending: Sending, outcome: isize) -> Step {
        self.slot = sending.slot;
        self.stage = if self.dontwait() { Stage::Own } else { Stage::Try };
        self.resume(e, outcome)
    }
}

impl<K: Kernel> Engine<K> {
    /// The program wrote: a request may be under way, and its answer is waited for from now.
    pub(crate) fn bytes_went(&self, fd: i32, slot: SlotWord, d: &Description, now: u64) {
        let generation = d.generation();
        if d.has_any(Flag::OneShot as u32 | Flag::Measured as u32) {
            self.seldom_went(fd, slot, d, now);
        }
        // The clocks before the flags: `Description::wrote`.
        for clock in [&d.last_write, &d.write_start, &d.read_start] {
            clock.store(now, Relaxed);
        }
        let published = d.wrote();
        d.write.store(State::Idle, generation);
        if d.has(Flag::WantsOutput) && d.in_sets() {
            let way = self.way_in_set(fd, d);
            self.arm(fd, slot, d, Direction::Write, way, now);
        }
        let waits = d.has(Flag::WantsInput) && d.in_sets();
        if waits && self.restart_input(d, now, published) {
            return;
        }
        if matches!(d.read.load(generation), State::Expired(_)) {
            d.read.store(State::Idle, generation);
        }
        if waits {
            d.read.store(State::Idle, generation);
            let way = self.way_in_set(fd, d);
            self.arm(fd, slot, d, Direction::Read, way, now);
        }
    }

    /// The same, for what few sockets have.
    #[cold]
    fn seldom_went(&self, fd: i32, slot: SlotWord, d: &Description, now: u64) {
        self.measure_output(fd, d, now);
        if d.has(Flag::OneShot) {
            self.spend_oneshots(fd, slot, d, super::epoll::OUTPUT);
        }
    }
}
