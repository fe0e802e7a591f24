//! poll and ppoll: a wait on many fds, bounded by the first deadline among them.
//!
//! The call is made once without waiting, so that the kernel has looked at the program's memory before we do; then with the
//! time cut to the first deadline. At expiry the fd is reported ready, and the program's next call gets ETIMEDOUT.

use super::clock::{Direction, Way};
use super::explicit::Tried;
use super::judge::Verdict;
use super::ready::{word, Telling};
use super::wake::{waker, Moving};
use super::{Call, Mask, Operation, Scope, Step};
use crate::policy::Class;
use crate::sys::{program, socket, Kernel};
use crate::table::{waiters, Description, Flag, SlotWord, State};
use crate::Engine;

const INPUT: i16 = libc::POLLIN | libc::POLLRDNORM;
const OUTPUT: i16 = libc::POLLOUT | libc::POLLWRNORM;
const ENTRY: usize = core::mem::size_of::<libc::pollfd>();
const REVENTS: usize = core::mem::offset_of!(libc::pollfd, revents);
/// The room of a poll that can be woken: for fewer fds than this. Longer ones look again every few milliseconds.
pub const MOVABLE: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The program's own call.
    Plain,
    /// The first look.
    Look,
    /// The wait.
    Wait,
}

/// A poll, with room to be woken ([`MOVABLE`]) or without (0): 1.5 KB that need not be written where nobody moves a deadline.
pub struct Poll<const ROOM: usize = MOVABLE> {
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
    began: u64,
    until: u64,
    /// The time of the next call.
    time: libc::timespec,
    scope: Scope,
    moving: Option<Moving>,
    /// The program's entries, and behind them the one that wakes this wait.
    room: [libc::pollfd; ROOM],
    /// What each number was when the wait began: one that is another's afterwards has been closed.
    seen: [Option<SlotWord>; ROOM],
}

impl<const ROOM: usize> Poll<ROOM> {
    /// poll(2) or ppoll(2). `own` is the program's own call; `timeout` in ns, `u64::MAX` for none.
    pub fn new(name: &'static str, own: Call, fds: usize, count: usize, timeout: u64, mask: (usize, usize)) -> Self {
        let time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let held = Mask::default();
        Poll {
            name,
            fds,
            // The kernel takes an unsigned int.
            count: count as u32 as usize,
            timeout,
            mask,
            held,
            own,
            stage: Stage::Plain,
            began: 0,
            until: u64::MAX,
            time,
            scope: Scope::NONE,
            moving: None,
            room: [libc::pollfd { fd: -1, events: 0, revents: 0 }; ROOM],
            seen: [None; ROOM],
        }
    }

    fn call(&mut self, wait: u64) -> Step {
        self.time = libc::timespec { tv_sec: (wait / 1_000_000_000) as i64, tv_nsec: (wait % 1_000_000_000) as i64 };
        let time = if wait == u64::MAX { 0 } else { &raw const self.time as usize };
        let (fds, count) = match self.moving {
            Some(_) => (self.room.as_ptr() as usize, self.count + 1),
            None => (self.fds, self.count),
        };
        Step::Call(Call::new(libc::SYS_ppoll, [fds, count, time, self.mask.0, self.mask.1, 0]))
    }

    /// A wait begins: let whoever moves a deadline wake it.
    fn announce<K: Kernel>(&mut self, e: &Engine<K>) {
        if !e.movable() || self.count >= ROOM {
            return;
        }
        let which = self.entries(e).fold(0, |which, (_, _, wanted)| which | waiters::bit(wanted.d.index()));
        self.moving = e.begin_wait_for(which);
        if self.moving.is_none() {
            return;
        }
        self.seen = [None; ROOM];
        for (at, _, wanted) in self.entries(e) {
            if let Some(seen) = self.seen.get_mut(at.wrapping_sub(self.fds) / ENTRY) {
                *seen = Some(wanted.slot);
            }
        }
        let (fds, count) = (self.fds, self.count);
        let theirs = (0..count).map(|i| program::peek::<libc::pollfd>(fds.wrapping_add(i.wrapping_mul(ENTRY))));
        let ours = libc::pollfd { fd: waker(&self.moving), events: libc::POLLIN, revents: 0 };
        self.room.iter_mut().zip(theirs.chain([ours])).for_each(|(to, entry)| *to = entry);
    }

    /// The wait is over: the kernel's answer goes to where the program expects it. How many entries are ready.
    fn answered<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> isize {
        if self.moving.is_none() {
            return outcome;
        }
        e.end_wait(&mut self.moving);
        if outcome < 0 {
            return outcome;
        }
        let theirs = self.room.iter().take(self.count).enumerate();
        theirs.fold(0, |ready, (i, entry)| {
            // Only what the kernel would write.
            program::poke(self.fds.wrapping_add(i.wrapping_mul(ENTRY)).wrapping_add(REVENTS), entry.revents);
            ready + (entry.revents != 0) as isize
        })
    }

    /// The entries that are managed sockets: where, what, and whose.
    fn entries<'a, K: Kernel>(
        &self,
        e: &'a Engine<K>,
    ) -> impl Iterator<Item = (usize, libc::pollfd, Wanted<'a>)> + use<'a, K, ROOM> {
        let (fds, count) = (self.fds, self.count);
        let (name, scope, began) = (self.name, self.scope, self.began);
        (0..count).filter_map(move |i| {
            let at = fds.wrapping_add(i.wrapping_mul(ENTRY));
            let entry: libc::pollfd = program::peek(at);
            if entry.fd < 0 || !e.concerns(entry.fd) {
                return None;
            }
            let (slot, d) = e.socket(entry.fd)?;
            // What the kernel reports ready is not waited for.
            let (input, output) = (entry.events & INPUT & !entry.revents, entry.events & OUTPUT & !entry.revents);
            Some((at, entry, Wanted { fd: entry.fd, slot, d, input, output, name, scope, began }))
        })
    }

    /// Arm what is waited for, and wait until the first of it.
    fn wait<K: Kernel>(&mut self, e: &Engine<K>, now: u64) -> Step {
        self.announce(e);
        // After that: whoever begins to close one from here on wakes this wait.
        let closing = self.closing(e);
        if closing > 0 {
            e.end_wait(&mut self.moving);
            return self.finish(e, closing);
        }
        let (mut first, mut sockets) = (u64::MAX, false);
        for (_, _, wanted) in self.entries(e) {
            first = first.min(e.arm_for(&wanted, now));
            sockets = true;
        }
        self.stage = Stage::Wait;
        let mut until = first.min(self.until).min(self.scope.until);
        if sockets {
            until = e.waits_until(&self.moving, until, now);
        }
        self.call(if until == u64::MAX { u64::MAX } else { until.saturating_sub(now) })
    }

    /// The kernel has reported `ready` entries; add what has expired.
    fn report<K: Kernel>(&mut self, e: &Engine<K>, ready: isize, now: u64) -> Step {
        let asks = Asks::with(self.timeout);
        let closing = self.closing(e);
        if closing > 0 {
            return self.finish(e, ready + closing);
        }
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
        if count > 0 || !again && now >= self.until.min(self.scope.until) {
            return self.finish(e, count);
        }
        if again {
            return self.call(0);
        }
        self.wait(e, now)
    }

    /// Entries that another thread is closing: to poll they are not open any more. How many more are to be reported.
    fn closing<K: Kernel>(&self, e: &Engine<K>) -> isize {
        if !e.movable() {
            return 0;
        }
        let mut count = 0;
        for i in 0..self.count {
            let at = self.fds.wrapping_add(i.wrapping_mul(ENTRY));
            let entry: libc::pollfd = program::peek(at);
            let gone = self.seen.get(i).and_then(|seen| *seen).is_some_and(|seen| e.slots.word(entry.fd) != seen);
            let gone = gone || super::closing(e, entry.fd).is_some();
            // What is no socket never was one that we knew: forgotten, not closed. Or the kernel has freed the number and given it to
            // a pipe, before the thread that closes it has come back to say so.
            if gone && socket::kind(&e.kernel, entry.fd) != Err(libc::ENOTSOCK) && entry.revents & libc::POLLNVAL == 0 {
                count += (entry.revents == 0) as isize;
                program::poke(at.wrapping_add(REVENTS), libc::POLLNVAL);
            }
        }
        count
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

impl<const ROOM: usize> Operation for Poll<ROOM> {
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        let nothing = self.count == 0 || self.fds == 0;
        let concerned = self.scope.until != u64::MAX || !nothing && e.anything_tracked();
        if !concerned || self.count != 0 && self.fds == 0 || e.process.borrowed(&e.kernel) {
            return Step::Call(self.own);
        }
        self.stage = Stage::Look;
        if self.timeout != u64::MAX || e.movable() {
            self.began = e.kernel.now();
            self.until = self.began.saturating_add(self.timeout);
        }
        if self.timeout != 0 {
            self.scope = self.scope.paced(e, self.began);
        }
        self.held.hold(e, self.mask.0);
        self.call(0)
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        if self.stage == Stage::Plain {
            return Step::Done(outcome);
        }
        let outcome = self.answered(e, outcome);
        if outcome < 0 {
            return self.finish(e, outcome);
        }
        let bounded = self.scope.until != u64::MAX;
        if self.stage == Stage::Look && !bounded && self.entries(e).next().is_none() {
            let closing = self.closing(e);
            if closing > 0 {
                return self.finish(e, outcome + closing);
            }
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

    fn within(&mut self, scope: Scope) {
        self.scope = scope;
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
    pub scope: Scope,
    pub began: u64,
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
            at = at.min(self.bound(d, Direction::Read, wanted.scope).at);
        }
        if wanted.output != 0 || d.has(Flag::Connecting) {
            at = at.min(self.arm(fd, slot, d, Direction::Write, way, now));
            at = at.min(self.bound(d, Direction::Write, wanted.scope).at);
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
        let bound = self.bound(d, direction, wanted.scope);
        if bound.at <= now {
            let connecting = d.has(Flag::Connecting);
            if !self.cut(fd, d, direction, bound, name, Tried { began: wanted.began, bytes: 0 }, now) {
                return nothing;
            }
            // An attempt that was aborted: the kernel has the event now.
            let aborted = connecting && !d.has(Flag::Connecting);
            return if aborted { Look { ready: 0, again: true } } else { told };
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
                    if wanted.input != 0 && due.class() == Some(Class::Write) {
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
