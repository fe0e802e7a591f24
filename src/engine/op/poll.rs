//! poll and ppoll: a wait on many fds, bounded by the first deadline among them.
//!
//! The call is made once without waiting, so that the kernel has looked at the program's memory before we do; then with the
//! time cut to the first deadline. At expiry the fd is reported ready, and the program's next call gets ETIMEDOUT.

use super::clock::{Cause, Direction, Way};
use super::judge::Verdict;
use super::ready::{word, Telling};
use super::{Call, Mask, Operation, Step};
use crate::policy::Class;
use crate::sys::{program, Kernel};
use crate::table::{Description, Flag, SlotWord, State};
use crate::Engine;

const INPUT: i16 = libc::POLLIN | libc::POLLRDNORM;
const OUTPUT: i16 = libc::POLLOUT | libc::POLLWRNORM;
const ENTRY: usize = core::mem::size_of::<libc::pollfd>();

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The program's own call.
    Plain,
    /// The first look.
    Look,
    /// The wait.
    Wait,
}

/// A poll.
pub struct Poll {
    name: &'static str,
    fds: usize,
    count: usize,
    /// How long the program waits, ns; `u64::MAX` for ever.
    timeout: u64,
    /// The program's signal mask (address, or 0), and its size as the kernel takes it.
    mask: (usize, usize),
    held: Mask,
    own: Call,
    stage: Stage,
    until: u64,
    /// The time of the next call.
    time: libc::timespec,
}

impl Poll {
    /// poll(2) or ppoll(2). `own` is the program's own call; `timeout` in ns, `u64::MAX` for none.
    pub fn new(name: &'static str, own: Call, fds: usize, count: usize, timeout: u64, mask: (usize, usize)) -> Poll {
        let time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let held = Mask::default();
        Poll { name, fds, count, timeout, mask, held, own, stage: Stage::Plain, until: u64::MAX, time }
    }

    fn call(&mut self, wait: u64) -> Step {
        self.time = libc::timespec { tv_sec: (wait / 1_000_000_000) as i64, tv_nsec: (wait % 1_000_000_000) as i64 };
        let time = if wait == u64::MAX { 0 } else { &raw const self.time as usize };
        Step::Call(Call::new(libc::SYS_ppoll, [self.fds, self.count, time, self.mask.0, self.mask.1, 0]))
    }

    /// The entries that are managed sockets: where, what, and whose.
    fn entries<'a, K: Kernel>(
        &self,
        e: &'a Engine<K>,
    ) -> impl Iterator<Item = (usize, libc::pollfd, Wanted<'a>)> + use<'a, K> {
        let (fds, count, name) = (self.fds, self.count, self.name);
        (0..count).filter_map(move |i| {
            let at = fds.wrapping_add(i.wrapping_mul(ENTRY));
            let entry: libc::pollfd = program::peek(at);
            if entry.fd < 0 || !e.concerns(entry.fd) {
                return None;
            }
            let (slot, d) = e.socket(entry.fd)?;
            // What the kernel reports ready is not waited for.
            let (input, output) = (entry.events & INPUT & !entry.revents, entry.events & OUTPUT & !entry.revents);
            Some((at, entry, Wanted { fd: entry.fd, slot, d, input, output, name }))
        })
    }

    /// Arm what is waited for, and wait until the first of it.
    fn wait<K: Kernel>(&mut self, e: &Engine<K>, now: u64) -> Step {
        let first = self.entries(e).fold(u64::MAX, |first, (_, _, wanted)| first.min(e.arm_for(&wanted, now)));
        self.stage = Stage::Wait;
        let until = first.min(self.until);
        self.call(if until == u64::MAX { u64::MAX } else { until.saturating_sub(now) })
    }

    /// The kernel has reported `ready` entries; add what has expired.
    fn report<K: Kernel>(&mut self, e: &Engine<K>, ready: isize, now: u64) -> Step {
        let asks = Asks::with(self.timeout);
        if self.stage == Stage::Wait {
            // The program was here all the while: its own wait is no absence.
            self.entries(e).for_each(|(_, _, wanted)| wanted.waited(now));
        }
        let (mut count, mut again) = (ready, false);
        for direction in [Direction::Write, Direction::Read] {
            let mut told = false;
            for (at, entry, wanted) in self.entries(e) {
                let look = e.look_at(&wanted, direction, now, asks);
                again |= look.again;
                told |= look.ready != 0;
                count += add(at, entry, look.ready);
            }
            if told {
                // One fd in two entries, or two numbers of one socket: each entry is told.
                for (at, entry, wanted) in self.entries(e) {
                    count += add(at, entry, e.look_at(&wanted, direction, now, Asks::Now).ready);
                }
            }
        }
        if count > 0 || !again && now >= self.until {
            return self.finish(e, count);
        }
        if again {
            return self.call(0);
        }
        self.wait(e, now)
    }

    /// The wait is over; what was waited for is marked, for the next one to know how long the program was away.
    fn finish<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        let now = e.kernel.now();
        if outcome >= 0 {
            self.entries(e).for_each(|(_, _, wanted)| wanted.waited(now));
        }
        self.held.release(e);
        Step::Done(outcome)
    }
}

/// Add bits to an entry; 1 if it had none before and has some now.
fn add(at: usize, entry: libc::pollfd, bits: i16) -> isize {
    let revents = entry.revents | bits;
    if revents != entry.revents {
        program::poke(at, libc::pollfd { revents, ..entry });
    }
    (entry.revents == 0 && revents != 0) as isize
}

impl Operation for Poll {
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        let nothing = self.count == 0 || self.fds == 0;
        if nothing || !e.anything_tracked() || e.process.borrowed(&e.kernel) {
            return Step::Call(self.own);
        }
        self.stage = Stage::Look;
        if self.timeout != u64::MAX {
            self.until = e.kernel.now().saturating_add(self.timeout);
        }
        self.held.hold(e, self.mask.0);
        self.call(0)
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        if self.stage == Stage::Plain {
            return Step::Done(outcome);
        }
        if outcome < 0 {
            return self.finish(e, outcome);
        }
        if self.stage == Stage::Look && self.entries(e).next().is_none() {
            self.stage = Stage::Plain;
            self.held.release(e);
            if outcome > 0 || self.timeout == 0 {
                return Step::Done(outcome);
            }
            return Step::Call(self.own);
        }
        let now = e.kernel.now();
        if self.stage == Stage::Look {
            // What is asked for is waited for, also where something else is ready at once.
            self.entries(e).for_each(|(_, _, wanted)| {
                e.arm_for(&wanted, now);
            });
        }
        self.report(e, outcome, now)
    }
}

/// One fd of a single wait: the bits to report for input and for output, 0 where they are not asked for.
pub(crate) struct Wanted<'a> {
    pub fd: i32,
    pub slot: SlotWord,
    pub d: &'a Description,
    pub input: i16,
    pub output: i16,
    pub name: &'static str,
}

impl Wanted<'_> {
    /// The program has waited for this until now. Waiting for room is no wait for input.
    pub fn waited(&self, now: u64) {
        if self.input != 0 {
            self.d.waited(now);
        }
    }
}

/// One fd's answer.
pub(crate) struct Look {
    /// Bits to report now.
    pub ready: i16,
    /// A connect was aborted: ask the kernel again at once.
    pub again: bool,
}

/// Does the program wait, or only ask how things stand?
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Now,
    Waits,
}

impl Asks {
    /// By the program's timeout.
    pub fn with(timeout: u64) -> Asks {
        if timeout == 0 {
            Asks::Now
        } else {
            Asks::Waits
        }
    }
}

impl<K: Kernel> Engine<K> {
    /// How a single wait on this fd is bounded. A poll on a blocking fd is never bounded by the program's own timeout: a read
    /// timeout of 5 s beside a poll of 60 s is a common pair.
    fn way_of_poll(&self, wanted: &Wanted) -> Way {
        Way { single: true, ..self.way_in_set(wanted.fd, wanted.d) }
    }

    /// A single wait begins on this fd: the instant at which to look at it.
    pub(crate) fn arm_for(&self, wanted: &Wanted, now: u64) -> u64 {
        let Wanted { fd, slot, d, .. } = *wanted;
        let way = self.way_of_poll(wanted);
        let mut at = u64::MAX;
        if wanted.input != 0 {
            at = at.min(self.arm(fd, slot, d, Direction::Read, way, now)).min(self.look_again(d, now));
        }
        if wanted.output != 0 || d.has(Flag::Connecting) {
            at = at.min(self.arm(fd, slot, d, Direction::Write, way, now));
        }
        at
    }

    /// Look at one direction of an fd whose instant may have come. Writing is looked at first, for all fds: what waits for room
    /// is told there, and not once more as "unacknowledged while reading".
    pub(crate) fn look_at(&self, wanted: &Wanted, direction: Direction, now: u64, asks: Asks) -> Look {
        let Wanted { fd, d, name, .. } = *wanted;
        let bits = if direction == Direction::Read { wanted.input } else { wanted.output };
        let nothing = Look { ready: 0, again: false };
        let told = Look { ready: bits, again: false };
        if bits == 0 && !(direction == Direction::Write && d.has(Flag::Connecting)) {
            return nothing;
        }
        match word(d, direction).load(d.generation()) {
            // libcurl looks once more, without waiting, before it reads: the same answer, and no telling of its own.
            State::Expired(_) if asks == Asks::Now && self.still_told(d) => told,
            State::Expired(_) if asks == Asks::Waits && self.tell_again(d, direction, now) == Telling::Now => told,
            State::Armed(at) if at <= now => match self.judge(fd, d, direction, self.way_of_poll(wanted), now) {
                Verdict::Due(due) => {
                    let connecting = d.has(Flag::Connecting);
                    if !self.claim(d, direction, now) {
                        return nothing;
                    }
                    if !self.expire(fd, d, direction, due, name, now) {
                        return nothing;
                    }
                    if connecting && !d.has(Flag::Connecting) {
                        // The kernel has the event now.
                        return Look { ready: 0, again: true };
                    }
                    if wanted.input != 0 && due.cause == Cause::Rule(Class::Write) {
                        self.expire_input_with_output(d, now);
                    }
                    told
                }
                Verdict::Gone => {
                    self.forget(fd);
                    nothing
                }
                Verdict::Until(_) | Verdict::Idle => nothing,
            },
            _ => nothing,
        }
    }
}
