//! sendfile, splice and sendmmsg: calls that cannot be made in pieces.
//!
//! The first two have no MSG_DONTWAIT and block again after POLLOUT; the third with MSG_DONTWAIT sends half a message where it
//! would have waited, and counts it. So on a blocking socket the kernel bounds them by a timeout that is lent for the call.

use super::clock::{Cause, Direction, Due, Way};
use super::judge::Verdict;
use super::options::timeval;
use super::{error, Call, Operation, Step};
use crate::policy::Class;
use crate::sys::{socket, Kernel};
use crate::table::{Description, Flag, SlotWord};
use crate::Engine;

/// A transfer.
pub struct Transfer {
    name: &'static str,
    own: Call,
    /// The socket in question and what is waited for there; found at the start.
    side: Option<(i32, Direction, SlotWord)>,
    /// The two fds: where bytes come from, and where they go.
    from: i32,
    to: i32,
    lent: Option<[u8; 16]>,
    blocking: bool,
    began: u64,
    /// The kernel's own timeout for this blocking call, ns.
    own_timeout: u64,
}

impl Transfer {
    /// sendfile(2).
    pub fn sendfile(out: i32, from: i32, offset: usize, count: usize) -> Transfer {
        let own = Call::new(libc::SYS_sendfile, [out as usize, from as usize, offset, count, 0, 0]);
        Transfer {
            name: "sendfile",
            own,
            side: None,
            from: -1,
            to: out,
            lent: None,
            blocking: false,
            began: 0,
            own_timeout: 0,
        }
    }

    /// splice(2).
    pub fn splice(args: [usize; 6]) -> Transfer {
        let [from, _, to, ..] = args;
        let own = Call::new(libc::SYS_splice, args);
        Transfer {
            name: "splice",
            own,
            side: None,
            from: from as i32,
            to: to as i32,
            lent: None,
            blocking: false,
            began: 0,
            own_timeout: 0,
        }
    }

    /// sendmmsg(2).
    pub fn sendmmsg(fd: i32, vector: usize, count: usize, flags: usize) -> Transfer {
        let own = Call::new(libc::SYS_sendmmsg, [fd as usize, vector, count, flags, 0, 0]);
        let mut transfer = Transfer::sendfile(fd, -1, 0, 0);
        transfer.name = "sendmmsg";
        transfer.own = own;
        transfer
    }

    fn option(direction: Direction) -> i32 {
        match direction {
            Direction::Read => libc::SO_RCVTIMEO,
            Direction::Write => libc::SO_SNDTIMEO,
        }
    }

    fn count(&self) -> usize {
        let [_, _, third, fourth, fifth, _] = self.own.args;
        match self.own.nr {
            libc::SYS_sendmmsg => third,
            libc::SYS_sendfile => fourth,
            _ => fifth,
        }
    }

    fn lend<K: Kernel>(&mut self, e: &Engine<K>, fd: i32, slot: SlotWord, d: &Description, direction: Direction) {
        let now = e.kernel.now();
        let way = Way { nonblocking: false, single: true };
        let mut until = e.arm(fd, slot, d, direction, way, now);
        if direction == Direction::Write {
            // The kernel cannot be asked to come back for a sample: it would return a short count.
            if let Ok(info) = socket::tcp_info(&e.kernel, fd) {
                d.sample_acked(info.bytes_acked as u32);
            }
            d.set(Flag::Sampled);
            until = e.next(d, direction, way, None).map_or(u64::MAX, |due| due.at);
        }
        if self.began == 0 {
            self.began = now;
            self.own_timeout = e.kernel_timeout(fd, Transfer::option(direction));
        }
        if self.own_timeout != 0 {
            until = until.min(self.began.saturating_add(self.own_timeout));
        }
        if until == u64::MAX {
            return;
        }
        let (k, level, name) = (&e.kernel, libc::SOL_SOCKET, Transfer::option(direction));
        let mut had = [0; 16];
        if socket::option_bytes(k, fd, level, name, &mut had).is_ok()
            && socket::set_option(k, fd, level, name, &timeval(until.saturating_sub(now))).is_ok()
        {
            self.lent = Some(had);
        }
    }

    fn would_block<K: Kernel>(&mut self, e: &Engine<K>, d: &Description) -> Step {
        let again = error(libc::EAGAIN);
        let Some((fd, direction, slot)) = self.side else { return Step::Done(again) };
        let events = if direction == Direction::Read { libc::POLLIN } else { libc::POLLOUT };
        if crate::sys::poll_now(&e.kernel, fd, events) > 0 {
            // The other end is what would block: a full or an empty pipe.
            return Step::Done(again);
        }
        if e.deliver(fd, slot, d, direction) {
            return Step::Done(error(libc::ETIMEDOUT));
        }
        let now = e.kernel.now();
        if !self.blocking {
            let nonblocking = e.is_nonblocking(fd);
            e.arm(fd, slot, d, direction, Way { nonblocking, single: false }, now);
            return Step::Done(again);
        }
        if self.lent.is_none() || self.own_timeout != 0 && self.began.saturating_add(self.own_timeout) <= now {
            return Step::Done(again);
        }
        match e.judge(fd, d, direction, Way { nonblocking: false, single: true }, now) {
            Verdict::Due(due) if e.expire(fd, d, direction, due, self.name, now) => Step::Done(error(libc::ETIMEDOUT)),
            Verdict::Until(_) | Verdict::Idle => {
                self.lent = None;
                self.lend(e, fd, slot, d, direction);
                Step::Call(self.own)
            }
            _ => {
                self.lent = None;
                Step::Call(self.own)
            }
        }
    }
}

impl Operation for Transfer {
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        let side = match (e.socket(self.to), e.socket(self.from)) {
            (Some((slot, d)), _) => Some((self.to, Direction::Write, slot, d)),
            (None, Some((slot, d))) => Some((self.from, Direction::Read, slot, d)),
            (None, None) => None,
        };
        let Some((fd, direction, slot, d)) = side else { return Step::Call(self.own) };
        self.side = Some((fd, direction, slot));
        if e.outlived(fd, d, self.name)
            || e.take_aborted(fd, d)
            || direction == Direction::Write && e.deliver(fd, slot, d, direction)
        {
            return Step::Done(error(libc::ETIMEDOUT));
        }
        let [.., flags, _, _] = self.own.args;
        let dontwait = self.own.nr == libc::SYS_sendmmsg && flags & libc::MSG_DONTWAIT as usize != 0;
        self.blocking = !dontwait && !e.is_nonblocking(fd);
        if d.clear(Flag::ShortWrite) && crate::sys::poll_now(&e.kernel, fd, libc::POLLOUT) == 0 {
            return Step::Done(error(libc::ETIMEDOUT));
        }
        if self.blocking && d.any_rule() {
            self.lend(e, fd, slot, d, direction);
        }
        Step::Call(self.own)
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        let Some((fd, direction, slot)) = self.side else { return Step::Done(outcome) };
        if let Some(had) = self.lent {
            let _ = socket::set_option(&e.kernel, fd, libc::SOL_SOCKET, Transfer::option(direction), &had);
        }
        if e.slots.word(fd) != slot {
            return Step::Done(outcome);
        }
        let Some(d) = e.descriptions.at(slot.index()) else { return Step::Done(outcome) };
        if outcome == error(libc::EAGAIN) {
            return self.would_block(e, d);
        }
        if outcome > 0 {
            let now = e.kernel.now();
            match direction {
                Direction::Read => e.bytes_came(fd, slot, d, outcome as usize),
                Direction::Write => {
                    e.bytes_went(fd, slot, d, now);
                    let full = crate::sys::poll_now(&e.kernel, fd, libc::POLLOUT) == 0;
                    if full && !self.blocking {
                        let nonblocking = e.is_nonblocking(fd);
                        e.arm(fd, slot, d, direction, Way { nonblocking, single: false }, now);
                    } else if full && self.lent.is_some() && (outcome as usize) < self.count() {
                        // The lent timeout cut it short: the next call fails at once if there is still no room.
                        let timeout = e.timeout(d, Class::Write, None);
                        let due = Due { at: now, timeout, cause: Cause::Rule(Class::Write), sample: false };
                        if timeout != 0 && e.expire(fd, d, direction, due, self.name, now) {
                            d.set(Flag::ShortWrite);
                        }
                    }
                }
            }
        } else if outcome == 0 && direction == Direction::Read {
            e.bytes_came(fd, slot, d, 0);
        }
        Step::Done(outcome)
    }
}
