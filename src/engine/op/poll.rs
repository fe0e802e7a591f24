//! poll and ppoll: a wait on many fds, bounded by the first deadline among them.
//!
//! The call is made once without waiting, so that the kernel has looked at the program's memory before we do; then with the
//! time cut to the first deadline. At expiry the fd is reported ready, and the program's next call gets ETIMEDOUT.

use super::clock::{Direction, Way};
use super::judge::Verdict;
use super::ready::Telling;
use super::{Call, Operation, Step};
use crate::sys::{program, Kernel};
use crate::table::{Description, SlotWord};
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
    own: Call,
    stage: Stage,
    until: u64,
    /// Where the door keeps the time of the next call: a timespec.
    time: libc::timespec,
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

/// One entry's answer.
pub(crate) struct Look {
    /// Events to report now.
    pub ready: i16,
    /// When to look again.
    pub next: u64,
    /// A connect was aborted: ask the kernel again at once.
    pub again: bool,
}

impl Poll {
    /// poll(2) or ppoll(2). `own` is the program's own call; `timeout` in ns, `u64::MAX` for none.
    pub fn new(name: &'static str, own: Call, fds: usize, count: usize, timeout: u64, mask: (usize, usize)) -> Poll {
        let time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        Poll { name, fds, count, timeout, mask, own, stage: Stage::Plain, until: u64::MAX, time }
    }

    fn call(&mut self, wait: u64) -> Step {
        self.time = libc::timespec { tv_sec: (wait / 1_000_000_000) as i64, tv_nsec: (wait % 1_000_000_000) as i64 };
        let time = if wait == u64::MAX { 0 } else { &raw const self.time as usize };
        Step::Call(Call::new(libc::SYS_ppoll, [self.fds, self.count, time, self.mask.0, self.mask.1, 0]))
    }

    fn entries<'a, K: Kernel>(
        &self,
        e: &'a Engine<K>,
    ) -> impl Iterator<Item = (usize, libc::pollfd, SlotWord, &'a Description)> + 'a {
        let (fds, count) = (self.fds, self.count);
        (0..count).filter_map(move |i| {
            let at = fds.wrapping_add(i.wrapping_mul(ENTRY));
            let entry: libc::pollfd = program::peek(at);
            if entry.fd < 0 || !e.concerns(entry.fd) {
                return None;
            }
            let (slot, d) = e.socket(entry.fd)?;
            Some((at, entry, slot, d))
        })
    }

    /// Arm what is waited for, and wait until the first of it.
    fn wait<K: Kernel>(&mut self, e: &Engine<K>, now: u64) -> Step {
        let mut first = u64::MAX;
        for (_, entry, slot, d) in self.entries(e) {
            first = first.min(e.arm_for(entry.fd, slot, d, entry.events & INPUT != 0, entry.events & OUTPUT != 0, now));
        }
        self.stage = Stage::Wait;
        let wait = first.min(self.until).saturating_sub(now);
        self.call(if first == u64::MAX && self.until == u64::MAX { u64::MAX } else { wait })
    }

    /// The wait ended without an event: whose deadline was it?
    fn elapsed<K: Kernel>(&mut self, e: &Engine<K>, now: u64) -> Step {
        let (mut told, mut again) = (0, false);
        for (at, entry, slot, d) in self.entries(e) {
            let (input, output) = (entry.events & INPUT, entry.events & OUTPUT);
            let look = e.look_at(entry.fd, slot, d, input, output, self.name, now, Asks::with(self.timeout));
            again |= look.again;
            if look.ready != 0 {
                program::poke(at, libc::pollfd { revents: look.ready, ..entry });
                told += 1;
            }
        }
        if told > 0 {
            return self.finish(e, told);
        }
        if again {
            return self.call(0);
        }
        if now >= self.until {
            return self.finish(e, 0);
        }
        self.wait(e, now)
    }

    /// The wait is over; what was waited for is marked, for the next one to know how long the program was away.
    fn finish<K: Kernel>(&self, e: &Engine<K>, outcome: isize) -> Step {
        let now = e.kernel.now();
        for (_, _, _, d) in self.entries(e) {
            d.waited(now);
        }
        Step::Done(outcome)
    }
}

impl Operation for Poll {
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        if self.timeout == 0 && !e.anything_tracked() || self.count == 0 || self.fds == 0 {
            return Step::Call(self.own);
        }
        if !e.anything_tracked() || e.process.borrowed(&e.kernel) {
            return Step::Call(self.own);
        }
        self.stage = Stage::Look;
        if self.timeout != u64::MAX {
            self.until = e.kernel.now().saturating_add(self.timeout);
        }
        self.call(0)
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        match self.stage {
            Stage::Plain => Step::Done(outcome),
            Stage::Look if outcome != 0 => Step::Done(outcome),
            Stage::Look if self.entries(e).next().is_none() => {
                self.stage = Stage::Plain;
                if self.timeout == 0 {
                    return Step::Done(0);
                }
                Step::Call(self.own)
            }
            Stage::Look => {
                let now = e.kernel.now();
                let expired = self.entries(e).any(|(_, entry, _, d)| {
                    let input = entry.events & INPUT != 0;
                    let output = entry.events & OUTPUT != 0;
                    e.told(d, input, output)
                });
                if expired || self.timeout == 0 {
                    // Told before and not asked about since: again, if it is time.
                    self.arm_only(e, now);
                    return self.elapsed(e, now);
                }
                self.wait(e, now)
            }
            Stage::Wait if outcome != 0 => self.finish(e, outcome),
            Stage::Wait => {
                let now = e.kernel.now();
                self.elapsed(e, now)
            }
        }
    }
}

impl Poll {
    fn arm_only<K: Kernel>(&mut self, e: &Engine<K>, now: u64) {
        for (_, entry, slot, d) in self.entries(e) {
            e.arm_for(entry.fd, slot, d, entry.events & INPUT != 0, entry.events & OUTPUT != 0, now);
        }
    }
}

impl<K: Kernel> Engine<K> {
    /// How a single wait (poll, select) on this fd is bounded. A poll on a blocking fd is never bounded by the program's own
    /// timeout: a read timeout of 5 s beside a poll of 60 s is a common pair.
    fn way_of_poll(&self, fd: i32, d: &Description) -> Way {
        Way { single: true, ..self.way_in_set(fd, d) }
    }

    /// A single wait begins on this fd: the instant at which to look at it.
    pub(crate) fn arm_for(&self, fd: i32, slot: SlotWord, d: &Description, input: bool, output: bool, now: u64) -> u64 {
        use crate::table::Flag;
        let way = self.way_of_poll(fd, d);
        let mut at = u64::MAX;
        if input {
            at = at.min(self.arm(fd, slot, d, Direction::Read, way, now)).min(self.look_again(d, now));
        }
        if output || d.has(Flag::Connecting) {
            at = at.min(self.arm(fd, slot, d, Direction::Write, way, now));
        }
        at
    }

    /// Was the program told of an expiry that it has not asked about?
    pub(crate) fn told(&self, d: &Description, input: bool, output: bool) -> bool {
        use crate::table::State;
        let expired = |word: &crate::table::Deadline| matches!(word.load(d.generation()), State::Expired(_));
        input && expired(&d.read) || output && expired(&d.write)
    }

    /// Look at an fd of a single wait whose instant may have come. `input` and `output` are the bits to report.
    #[allow(clippy::too_many_arguments)] // The caller's whole state; a struct for one call would only rename it.
    pub(crate) fn look_at(
        &self,
        fd: i32,
        slot: SlotWord,
        d: &Description,
        input: i16,
        output: i16,
        name: &'static str,
        now: u64,
        asks: Asks,
    ) -> Look {
        use crate::table::{Flag, State};
        let way = self.way_of_poll(fd, d);
        let mut look = Look { ready: 0, next: u64::MAX, again: false };
        for (direction, bits) in [(Direction::Read, input), (Direction::Write, output)] {
            let wanted = bits != 0 || direction == Direction::Write && d.has(Flag::Connecting);
            if !wanted {
                continue;
            }
            let word = super::ready::word(d, direction);
            match word.load(d.generation()) {
                State::Idle => {}
                // libcurl looks once more, without waiting, before it reads: the same answer, and no telling of its own.
                State::Expired(_) if asks == Asks::Now && self.still_told(d) => look.ready |= bits,
                State::Expired(_) => match self.tell_again(d, direction, now) {
                    Telling::Now => look.ready |= bits,
                    Telling::At(at) => look.next = look.next.min(at),
                    Telling::Never => {}
                },
                State::Armed(_) => match self.judge(fd, d, direction, way, now) {
                    Verdict::Until(at) => look.next = look.next.min(at),
                    Verdict::Idle => {}
                    Verdict::Gone => self.forget(fd),
                    Verdict::Due(due) => {
                        let connecting = d.has(Flag::Connecting);
                        if !self.expire(fd, d, direction, due, name, now) {
                            continue;
                        }
                        if connecting && !d.has(Flag::Connecting) {
                            look.again = true;
                            break;
                        }
                        self.mark_expired(d, direction, now);
                        look.ready |= bits;
                    }
                },
            }
        }
        let _ = slot;
        look
    }
}
