//! sendfile and splice: calls that have no form that does not block.
//!
//! On a blocking socket they block again after POLLOUT. They are made piece by piece: a timeout of a microsecond is lent, so that
//! the kernel comes back when there is nothing to move, and the wait is ours. A sendmmsg that does not wait is made here as well
//! (one that does: `send_many`).

use super::clock::{Direction, Way};
use super::explicit::Tried;
use super::judge::Verdict;
use super::options::Loan;
use super::wake::{Patience, NO_WAKER};
use super::{error, Call, Operation, Scope, Sending, Step, Write};
use crate::sys::{poll_now, signal, Kernel};
use crate::table::{Description, Flag, SlotWord};
use crate::Engine;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The program's own call, whatever it answers.
    Plain,
    /// The program's own call on a non-blocking socket, or on one without a rule.
    Own,
    /// A piece.
    Piece,
    /// Waiting for room for the next piece.
    Waiting,
    /// Waiting for the other end of a splice, its pipe, which is the program's affair.
    Pipe,
}

/// The socket in question, and what is waited for there.
#[derive(Clone, Copy)]
struct Side {
    fd: i32,
    direction: Direction,
    slot: SlotWord,
}

impl Side {
    /// A call that moves bytes is about to be made.
    fn begins(&self, d: &Description) {
        if self.direction == Direction::Write {
            d.writes();
        }
    }
}

/// A transfer.
pub struct Transfer {
    name: &'static str,
    own: Call,
    /// Which argument counts what is left.
    counter: usize,
    from: i32,
    to: i32,
    side: Option<Side>,
    stage: Stage,
    loan: Option<Loan>,
    began: u64,
    /// The kernel's own timeout for this blocking call, ns.
    own_timeout: u64,
    done: usize,
    patience: Patience,
}

const WAY: Way = Way { nonblocking: false, single: true };

impl Transfer {
    fn new(name: &'static str, own: Call, counter: usize, from: i32, to: i32) -> Transfer {
        let (side, stage, loan) = (None, Stage::Plain, None);
        let patience = Patience::new();
        Transfer { name, own, counter, from, to, side, stage, loan, began: 0, own_timeout: 0, done: 0, patience }
    }

    /// sendfile(2).
    pub fn sendfile(out: i32, from: i32, offset: usize, count: usize) -> Transfer {
        let own = Call::new(libc::SYS_sendfile, [out as usize, from as usize, offset, count, 0, 0]);
        Transfer::new("sendfile", own, 3, from, out)
    }

    /// splice(2).
    pub fn splice(args: [usize; 6]) -> Transfer {
        let [from, _, to, ..] = args;
        Transfer::new("splice", Call::new(libc::SYS_splice, args), 4, from as i32, to as i32)
    }

    /// A sendmmsg(2) that does not wait.
    pub(crate) fn sendmmsg(fd: i32, vector: usize, count: usize, flags: usize) -> Transfer {
        let own = Call::new(libc::SYS_sendmmsg, [fd as usize, vector, count, flags, 0, 0]);
        Transfer::new("sendmmsg", own, 2, -1, fd)
    }

    fn count(&self) -> usize {
        self.own.args.get(self.counter).copied().unwrap_or(0)
    }

    fn option(direction: Direction) -> i32 {
        match direction {
            Direction::Read => libc::SO_RCVTIMEO,
            Direction::Write => libc::SO_SNDTIMEO,
        }
    }

    fn finish(&self, outcome: isize) -> Step {
        Step::Done(if self.done > 0 { self.done as isize } else { outcome })
    }

    fn lend<K: Kernel>(&mut self, e: &Engine<K>, side: Side, ns: u64) -> bool {
        self.loan = Loan::take(e, side.fd, Transfer::option(side.direction), ns);
        self.loan.is_some()
    }

    fn piece<K: Kernel>(&mut self, e: &Engine<K>, side: Side, d: &Description) -> Step {
        let mut call = self.own;
        side.begins(d);
        if let Some(count) = call.args.get_mut(self.counter) {
            *count = count.saturating_sub(self.done);
        }
        if let (libc::SYS_splice, Some(flags)) = (call.nr, call.args.get_mut(5)) {
            // The pipe is waited for here (`other_end`), not in the call, which must not be cancelled with an option lent.
            *flags |= libc::SPLICE_F_NONBLOCK as usize;
        }
        call.brief = true;
        self.stage = if self.lend(e, side, 1000) { Stage::Piece } else { Stage::Own };
        Step::Call(call)
    }

    /// Until when this blocking call may wait from now on.
    fn until<K: Kernel>(&mut self, e: &Engine<K>, side: Side, d: &Description, now: u64) -> u64 {
        if self.began == 0 {
            self.began = now;
            self.own_timeout = e.kernel_timeout(side.fd, Transfer::option(side.direction));
        }
        let mut until = e.arm(side.fd, side.slot, d, side.direction, WAY, now);
        if side.direction == Direction::Read {
            until = until.min(e.look_again(d, now));
        }
        if self.own_timeout != 0 {
            until = until.min(self.began.saturating_add(self.own_timeout));
        }
        until
    }

    fn wait<K: Kernel>(&mut self, e: &Engine<K>, side: Side, d: &Description, now: u64) -> Step {
        self.patience.announce(e, d);
        let until = self.until(e, side, d, now);
        self.stage = Stage::Waiting;
        self.pause(e, side, d, until, now)
    }

    fn pause<K: Kernel>(&mut self, e: &Engine<K>, side: Side, d: &Description, until: u64, now: u64) -> Step {
        let step = self.patience.wait(e, (side.fd, side.slot, d), side.direction, until, now);
        step.unwrap_or_else(|| self.finish(error(libc::EBADF)))
    }

    /// A wait ended without anything having moved.
    fn elapsed<K: Kernel>(&mut self, e: &Engine<K>, side: Side, d: &Description) -> Step {
        let now = e.kernel.now();
        let bound = e.bound(d, side.direction, self.patience.scope);
        if bound.at <= now {
            let tried = Tried { began: self.began, bytes: self.done };
            e.cut(side.fd, d, side.direction, bound, self.name, tried, now);
            return self.finish(error(libc::ETIMEDOUT));
        }
        if self.own_timeout != 0 && self.began.saturating_add(self.own_timeout) <= now {
            return self.finish(error(libc::EAGAIN));
        }
        match e.judge(side.fd, d, side.direction, WAY, now) {
            Verdict::Gone => self.finish(error(libc::EBADF)),
            Verdict::Due(due) if e.expire(side.fd, d, side.direction, due, self.name, now) => {
                if self.done > 0 {
                    d.set(Flag::ShortWrite);
                }
                e.moved(d, self.done);
                self.finish(error(libc::ETIMEDOUT))
            }
            Verdict::Due(_) if d.has(Flag::Explicit) => self.wait(e, side, d, now),
            Verdict::Due(_) => self.pause(e, side, d, u64::MAX, now),
            _ => self.wait(e, side, d, now),
        }
    }

    fn waited<K: Kernel>(&mut self, e: &Engine<K>, side: Side, d: &Description, outcome: isize) -> Step {
        if !e.is_still(side.fd, side.slot, d) {
            return self.finish(error(libc::EBADF));
        }
        if outcome > 0 {
            return self.piece(e, side, d);
        }
        if outcome == 0 {
            return self.elapsed(e, side, d);
        }
        let again = outcome == error(libc::EINTR) && self.own_timeout == 0 && self.done == 0;
        if again && signal::every_handler_restarts(&e.kernel) {
            return self.wait(e, side, d, e.kernel.now());
        }
        self.finish(outcome)
    }

    /// EAGAIN of the program's own call or of a piece.
    fn would_block<K: Kernel>(&mut self, e: &Engine<K>, side: Side, d: &Description) -> Step {
        let splice = self.own.nr == libc::SYS_splice;
        let own = self.stage == Stage::Own || side.direction == Direction::Read || splice;
        if own && poll_now(&e.kernel, side.fd, side.direction.events()) > 0 {
            // The other end is what would block: a full or an empty pipe.
            return self.other_end(e, side);
        }
        let [.., flags] = self.own.args;
        let asks = splice && flags & libc::SPLICE_F_NONBLOCK as usize != 0;
        if asks && self.stage == Stage::Piece && d.has(Flag::Unix) && side.direction == Direction::Read {
            // Unix sockets keep the flag (unix_stream_splice_read in net/unix/af_unix.c), TCP does not.
            return self.finish(error(libc::EAGAIN));
        }
        let now = e.kernel.now();
        match self.stage {
            Stage::Piece => self.wait(e, side, d, now),
            _ if e.deliver(side.fd, side.slot, d, side.direction) => Step::Done(error(libc::ETIMEDOUT)),
            _ => {
                let way = Way { nonblocking: e.never_waits(side.fd, d), single: false };
                if e.overdue(side.fd, side.slot, d, side.direction, way, self.name, now) {
                    return Step::Done(error(libc::ETIMEDOUT));
                }
                e.arm(side.fd, side.slot, d, side.direction, way, now);
                Step::Done(error(libc::EAGAIN))
            }
        }
    }

    /// A splice's pipe has nothing, or no room.
    fn other_end<K: Kernel>(&mut self, e: &Engine<K>, side: Side) -> Step {
        let [.., flags] = self.own.args;
        let (fd, events) = match side.direction {
            Direction::Read => (self.to, libc::POLLOUT),
            Direction::Write => (self.from, libc::POLLIN),
        };
        let waits = self.stage == Stage::Piece && flags & libc::SPLICE_F_NONBLOCK as usize == 0;
        if self.done > 0 || !waits || e.is_nonblocking(fd) {
            return self.finish(error(libc::EAGAIN));
        }
        self.stage = Stage::Pipe;
        Step::Wait { fd, events, until: u64::MAX, waker: NO_WAKER }
    }

    /// A wait for the pipe ended.
    fn pipe_waited<K: Kernel>(&mut self, e: &Engine<K>, side: Side, d: &Description, outcome: isize) -> Step {
        let restarts = || outcome == error(libc::EINTR) && signal::every_handler_restarts(&e.kernel);
        if outcome < 0 && !restarts() {
            return Step::Done(outcome);
        }
        self.piece(e, side, d)
    }

    fn moved<K: Kernel>(&mut self, e: &Engine<K>, side: Side, d: &Description, count: usize) -> Step {
        self.done = self.done.saturating_add(count);
        if side.direction == Direction::Read {
            e.bytes_came(side.fd, side.slot, d, count);
            return Step::Done(self.done as isize);
        }
        let now = e.kernel.now();
        e.bytes_went(side.fd, side.slot, d, now);
        let all = self.done >= self.count();
        match self.stage {
            Stage::Piece if !all && poll_now(&e.kernel, side.fd, libc::POLLOUT) > 0 => self.piece(e, side, d),
            Stage::Piece if !all => self.wait(e, side, d, now),
            Stage::Own if !all && poll_now(&e.kernel, side.fd, libc::POLLOUT) == 0 && e.never_waits(side.fd, d) => {
                e.arm(side.fd, side.slot, d, side.direction, Way { nonblocking: true, single: false }, now);
                Step::Done(self.done as isize)
            }
            _ => Step::Done(self.done as isize),
        }
    }
}

impl Operation for Transfer {
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        // The source is looked at only where it matters: to a web server it is a file that was just opened.
        let side = |fd: i32, direction| e.socket(fd).map(|(slot, d)| (Side { fd, direction, slot }, d));
        let found = side(self.to, Direction::Write).or_else(|| side(self.from, Direction::Read));
        let Some((side, d)) = found else { return Step::Call(self.own) };
        self.side = Some(side);
        let writes = side.direction == Direction::Write;
        if e.outlived(side.fd, d, self.name)
            || e.too_late(side.fd, d, side.direction, self.patience.scope, self.name)
            || e.take_aborted(side.fd, d)
            || writes && e.deliver(side.fd, side.slot, d, side.direction)
            || writes && d.clear(Flag::ShortWrite) && poll_now(&e.kernel, side.fd, libc::POLLOUT) == 0
        {
            return Step::Done(error(libc::ETIMEDOUT));
        }
        let [.., flags, _, _] = self.own.args;
        let dontwait = self.own.nr == libc::SYS_sendmmsg && flags & libc::MSG_DONTWAIT as usize != 0;
        side.begins(d);
        if dontwait || !(d.any_rule() || e.movable()) || d.has(Flag::SeenNonblocking) || e.never_waits(side.fd, d) {
            self.stage = Stage::Own;
            return Step::Call(self.own);
        }
        self.piece(e, side, d)
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        let Some(side) = self.side else { return Step::Done(outcome) };
        self.patience.end(e);
        if let Some(loan) = self.loan.take() {
            loan.give_back(e, side.fd);
        }
        let Some(d) = e.descriptions.at(side.slot.index()) else { return self.finish(outcome) };
        if self.stage == Stage::Waiting {
            return self.waited(e, side, d, outcome);
        }
        if self.stage == Stage::Pipe {
            return self.pipe_waited(e, side, d, outcome);
        }
        if e.slots.word(side.fd) != side.slot {
            return self.finish(outcome);
        }
        match outcome {
            0 if side.direction == Direction::Read => self.moved(e, side, d, 0),
            0 => self.finish(0),
            n if n > 0 => self.moved(e, side, d, n as usize),
            n if n == error(libc::EAGAIN) => self.would_block(e, side, d),
            // With the lent timeout the kernel answers EINTR despite SA_RESTART (man 7 signal).
            n if n == error(libc::EINTR) && self.stage == Stage::Piece => {
                self.until(e, side, d, e.kernel.now());
                self.waited(e, side, d, n)
            }
            n => self.finish(n),
        }
    }

    fn within(&mut self, scope: Scope) {
        self.patience.scope = scope;
    }

    fn lends(&self) -> bool {
        true
    }
}

impl Write for Transfer {
    fn tried<K: Kernel>(&mut self, e: &Engine<K>, sending: Sending, outcome: isize) -> Step {
        // The program's own call, on a socket that never waits.
        self.side = Some(Side { fd: self.to, direction: Direction::Write, slot: sending.slot });
        self.stage = Stage::Own;
        self.resume(e, outcome)
    }
}
