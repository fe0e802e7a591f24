//! Arming a direction, and telling the program of an expiry: the state word's life, and the sets that follow it.

use super::clock::{Direction, Way};
use super::judge::UNDER_JUDGEMENT;
use crate::set::{token, Claim, Registration, Set, GAP};
use crate::sys::{event, file, Kernel};
use crate::table::{Deadline, Description, Flag, Kind, SlotWord, State};
use crate::Engine;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

/// How long after one telling the next follows, as long as the program does not react: 0, +1, +10, +100 ms in all.
const AGAIN: [u64; 3] = [1_000_000, 9_000_000, 90_000_000];
/// After the last telling: left alone.
const FAR: u64 = u64::MAX / 2;
/// How long after the last telling a program that tries first may come to it: with many runnable goroutines it takes a while. Who
/// comes later had given that wait up (by a timer of his own, which no call shows), and begins another. A second was tried: it
/// also cut short reads of programs that pause between two waits (go-tests: own_deadline_then_a_pause).
const LATE: u64 = 150_000_000;

/// Should the program be told of an expiry now?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Telling {
    /// Yes, and the caller is the one to do it.
    Now,
    /// At this instant.
    At(u64),
    /// It was told often enough, or there is nothing to tell.
    Never,
}

#[inline(always)]
pub(crate) fn word(d: &Description, direction: Direction) -> &Deadline {
    match direction {
        Direction::Read => &d.read,
        Direction::Write => &d.write,
    }
}

impl<K: Kernel> Engine<K> {
    /// The program begins to wait, or goes on waiting: the instant at which that expires, `u64::MAX` for never.
    pub(crate) fn arm(
        &self,
        fd: i32,
        slot: SlotWord,
        d: &Description,
        direction: Direction,
        way: Way,
        now: u64,
    ) -> u64 {
        if direction == Direction::Read && d.has(Flag::Connecting) && self.is_established(fd) {
            // A program that waits for the server's first word, and never asked how the connect went.
            self.connected(fd, d, now);
        }
        let (word, generation) = (word(d, direction), d.generation());
        let state = word.load(generation);
        let afresh = match state {
            State::Idle => true,
            // In observe mode nobody is told, and the wait goes on: it is recorded once.
            State::Expired(_) => !self.still_told(d) && (!self.observing() || self.was_away(d, way, now)),
            // Who tries first begins a wait with each EAGAIN: the one before may have been given up by the program's own timer.
            State::Armed(_) if d.has(Flag::TriesFirst) => !way.single,
            State::Armed(_) => direction == Direction::Read && way.single && self.was_away(d, way, now),
        };
        if let (State::Expired(at), false) = (state, afresh) {
            if !way.single {
                self.lower_sets(fd, slot, d, at);
            }
            return at;
        }
        if afresh {
            d.clear(Flag::Observed);
            match direction {
                Direction::Read => d.read_start.store(now, Relaxed),
                Direction::Write if d.has(Flag::Connecting) => {}
                Direction::Write => {
                    d.write_start.store(now, Relaxed);
                    d.clear(Flag::Sampled);
                }
            }
        }
        let Some(due) = self.next(fd, d, direction, way, None) else {
            word.store(State::Idle, generation);
            return u64::MAX;
        };
        word.store(State::Armed(due.at), generation);
        if !way.single {
            self.lower_sets(fd, slot, d, due.at);
        }
        due.at
    }

    /// Was the program away between its last wait for input and this one for so long that the clock starts anew?
    pub(crate) fn was_away(&self, d: &Description, way: Way, now: u64) -> bool {
        d.last_wait_gap(now) > GAP.max(self.read_timeout(d, way) / 10)
    }

    /// Something of this socket may expire at `instant`: tell every set that holds it.
    pub(crate) fn lower_sets(&self, fd: i32, slot: SlotWord, d: &Description, instant: u64) {
        d.each_set(|number| match number {
            Some(number) => {
                if let Some(set) = self.sets.at(number) {
                    self.lower_set(number, set, fd, slot, d, instant);
                }
            }
            None => self.sets.each(|number, set| self.lower_set(number, set, fd, slot, d, instant)),
        });
    }

    fn lower_set(&self, number: u32, set: &Set, fd: i32, slot: SlotWord, d: &Description, instant: u64) {
        let mut earliest = self.lower_one(set, fd, slot, instant);
        if d.is_shared() {
            // Registered under another of its numbers, perhaps. A walk over all numbers, but dup'ed sockets in epoll sets
            // are rare, and the slots are 8 bytes each.
            self.slots.each(0, u32::MAX, |other, word| {
                if word.kind() == Kind::Socket && word.index() == slot.index() && other != fd {
                    earliest |= self.lower_one(set, other, word, instant);
                }
            });
        }
        if earliest {
            self.program(number, set, instant);
        }
    }

    /// Call `each` with every registration of this socket, under whichever of its numbers.
    pub(crate) fn each_registration<T>(
        &self,
        fd: i32,
        slot: SlotWord,
        d: &Description,
        mut each: impl FnMut(i32, &Registration) -> T,
    ) {
        let mut in_set = |set: &Set| {
            let mut of = |fd: i32, slot: SlotWord| {
                if let Some(registration) = set.registration(fd).filter(|r| r.events(slot.generation()).is_some()) {
                    each(fd, registration);
                }
            };
            of(fd, slot);
            if d.is_shared() {
                self.slots.each(0, u32::MAX, |other, word| {
                    if word.kind() == Kind::Socket && word.index() == slot.index() && other != fd {
                        of(other, word);
                    }
                });
            }
        };
        d.each_set(|number| match number {
            Some(number) => {
                self.sets.at(number).map(&mut in_set);
            }
            None => self.sets.each(|_, set| in_set(set)),
        });
    }

    fn lower_one(&self, set: &Set, fd: i32, slot: SlotWord, instant: u64) -> bool {
        let registered = set.registration(fd).is_some_and(|r| r.events(slot.generation()).is_some());
        registered && set.lower(fd, instant)
    }

    /// Let the set's hidden timer fire at `instant` at the latest; make it if there is none.
    pub(crate) fn program(&self, number: u32, set: &Set, instant: u64) {
        if self.process.borrowed(&self.kernel) {
            return;
        }
        let epoch = self.process.epoch(&self.kernel);
        let instant = match set.timer.claim(epoch) {
            Claim::Have(_) => instant,
            Claim::Without => return,
            Claim::Make(making) => {
                // Ours by the table that was inherited with it, which also kept the program from closing it.
                let ours = |timer: &i32| {
                    let word = self.slots.word(*timer);
                    word.kind() == Kind::Hidden && word.index() == number
                };
                if let Some(timer) = making.inherited.filter(ours) {
                    self.slots.retire(timer);
                    let _ = file::close(&self.kernel, timer);
                }
                let made = self.hidden_timer(number, set, epoch);
                if !set.timer.settle(&making, made) {
                    // The set was closed meanwhile, and is perhaps another's, in which this timer is not.
                    if let Some(timer) = made {
                        self.slots.retire(timer);
                        let _ = file::close(&self.kernel, timer);
                    }
                    return;
                }
                // Whoever armed while it was being made went without.
                instant.min(set.next())
            }
        };
        let Some(mut timer) = set.timer.fd(epoch) else { return };
        if !set.timer.earlier(instant) {
            return;
        }
        let mut instant = instant;
        loop {
            let gone = event::timer_set(&self.kernel, timer, instant).is_err();
            let current = set.timer.fd(epoch);
            if current == Some(timer) {
                if gone {
                    // Closed behind our back: the waits' own timeouts do, until another is made. Its slot first: the next may get the
                    // same number.
                    let word = self.slots.word(timer);
                    if word.kind() == Kind::Hidden && word.index() == number {
                        self.slots.retire_if(timer, word);
                    }
                    set.timer.forget_this(epoch, timer);
                }
                match set.timer.programmed() {
                    earlier if !gone && earlier != 0 && earlier < instant => instant = earlier,
                    _ => return,
                }
                continue;
            }
            // The set was closed meanwhile. What was moved may be another set's timer by now; and of the timer of the set that has our
            // set's number we have said that it is programmed.
            self.put_right(timer);
            let (Some(now), programmed @ 1..) = (current, set.timer.programmed()) else { return };
            (timer, instant) = (now, programmed);
        }
    }

    /// Program the timer of this number, whichever set's it is, to what was asked of it last.
    #[cold]
    fn put_right(&self, timer: i32) {
        let word = self.slots.word(timer);
        let set = self.sets.at(word.index()).filter(|_| word.kind() == Kind::Hidden);
        if let Some(at @ 1..) = set.map(|set| set.timer.programmed()) {
            let _ = event::timer_set(&self.kernel, timer, at);
        }
    }

    /// Move a file of ours to a high number, of another kind than the program's; `None` where there is no room for it.
    pub(crate) fn private(&self, low: i32, kind: Kind) -> Option<i32> {
        let k = &self.kernel;
        // Out of the way of programs that count on low numbers, but not so high that the kernel's own table grows for it.
        let limit = file::number_limit(k).ok().filter(|limit| *limit > 256);
        let high = limit.and_then(|limit| file::duplicate_high(k, low, limit.min(8192) as i32 - 64).ok());
        let _ = file::close(k, low);
        let fd = high?;
        self.slots.retire(fd);
        self.slots.settle(k, fd, self.slots.word(fd), kind, 0);
        Some(fd)
    }

    /// A timerfd in the set.
    fn hidden_timer(&self, number: u32, set: &Set, epoch: u32) -> Option<i32> {
        let k = &self.kernel;
        let timer = self.private(event::timer(k).ok()?, Kind::Unknown)?;
        let events = (libc::EPOLLIN | libc::EPOLLET) as u32;
        if event::epoll_add(k, set.epfd(), timer, events, token(epoch)).is_err() {
            let _ = file::close(k, timer);
            return None;
        }
        self.slots.settle(k, timer, self.slots.word(timer), Kind::Hidden, number);
        Some(timer)
    }

    /// A judged expiry is about to be told by a wait. False if another thread's wait was faster: exactly one leaves the record
    /// and tells it first.
    pub(crate) fn claim(&self, d: &Description, direction: Direction, now: u64) -> bool {
        let (word, generation) = (word(d, direction), d.generation());
        let state = word.load(generation);
        let told = State::Expired(now.saturating_add(AGAIN[0]));
        // Armed for later: who moved the clocks while they were judged has armed it anew.
        let judged = matches!(state, State::Armed(at) if at <= now);
        if !judged || !word.replace(state, told, generation) {
            return false;
        }
        d.tell_first();
        true
    }

    /// The expiry was observed only: nobody is told, and the clock stands still until the program makes progress.
    pub(crate) fn observe(&self, d: &Description, direction: Direction) {
        d.tell_first();
        (0..AGAIN.len()).for_each(|_| d.tell());
        word(d, direction).store(State::Expired(FAR), d.generation());
    }

    /// The write class has expired where the program waits for input as well: that wait is over with it (the class covers waiting
    /// for anything while bytes are unacknowledged), with no record of its own. libpq swallows the error of its send and waits
    /// for input next.
    pub(crate) fn expire_input_with_output(&self, d: &Description, now: u64) {
        if d.has(Flag::TriesFirst) && !d.has(Flag::WantsInput) {
            return;
        }
        d.read.store(State::Expired(now.saturating_add(AGAIN[0])), d.generation());
    }

    /// It was told of an expiry before: should it be told again?
    pub(crate) fn tell_again(&self, d: &Description, direction: Direction, now: u64) -> Telling {
        let (word, generation) = (word(d, direction), d.generation());
        let State::Expired(at) = word.load(generation) else { return Telling::Never };
        let told = d.told() as usize;
        if told > AGAIN.len() {
            return Telling::Never;
        }
        if at > now {
            return Telling::At(at);
        }
        let last = if d.has(Flag::TriesFirst) { now.saturating_add(LATE) } else { FAR };
        let next = AGAIN.get(told).map_or(last, |wait| now.saturating_add(*wait));
        if word.replace(State::Expired(at), State::Expired(next), generation) {
            d.tell();
            Telling::Now
        } else {
            Telling::At(now.saturating_add(AGAIN[0]))
        }
    }

    /// Is the program still to be told of the present expiry, if it asks?
    pub(crate) fn still_told(&self, d: &Description) -> bool {
        d.told() <= AGAIN.len() as u32
    }

    /// The program asks after it was told: true once, for the call that answers ETIMEDOUT. The clock then starts anew.
    pub(crate) fn deliver(&self, fd: i32, slot: SlotWord, d: &Description, direction: Direction) -> bool {
        let (word, generation) = (word(d, direction), d.generation());
        let state = word.load(generation);
        let State::Expired(at) = state else { return false };
        // What was only observed counts as told to the end (`observe`).
        let observed = self.observing() && !self.still_told(d);
        if observed || !word.replace(state, State::Idle, generation) {
            return false;
        }
        if d.has(Flag::TriesFirst) {
            d.clear(Flag::WantsInput);
            // There is room after all, and nobody may have waited for it: try.
            if direction == Direction::Write && crate::sys::poll_now(&self.kernel, fd, libc::POLLOUT) > 0 {
                return false;
            }
            return self.still_told(d) || self.kernel.now() <= at;
        }
        if direction == Direction::Read {
            self.rearm_input(fd, slot, d);
        }
        true
    }

    /// The read clock starts anew; in an epoll set the program goes on waiting without a further call.
    pub(crate) fn rearm_input(&self, fd: i32, slot: SlotWord, d: &Description) {
        d.read.store(State::Idle, d.generation());
        if d.has(Flag::WantsInput) && d.in_sets() {
            let way = self.way_in_set(fd, d);
            self.arm(fd, slot, d, Direction::Read, way, self.kernel.now());
        }
    }

    /// Bytes came or went at `now`, and the clock of a wait for input in an epoll set starts anew. True where what is armed may stay
    /// armed, for it comes no later than anything that may be due from now on: when it comes it is judged, by the clocks as they
    /// are then. (To arm anew at every read and write was two thirds of what they cost.) `published`: the clock was moved before the
    /// flags were (`Description::wrote`).
    #[inline]
    pub(crate) fn restart_input(&self, d: &Description, now: u64, published: bool) -> bool {
        if !published {
            // SeqCst pairs with `Description::judging`: either that finds this start, or we find the mark.
            d.read_start.swap(now, SeqCst);
        }
        let least = self.settings.peek().map_or(0, |settings| settings.least);
        self.stays(d, |at| at > now && at <= now.saturating_add(least))
    }

    /// A request came in part or whole, and the clock of a wait for input in an epoll set stands still until it is answered: nothing
    /// can be due that was not before. True where what is armed may stay so.
    #[inline]
    pub(crate) fn pause_input(&self, d: &Description) -> bool {
        self.stays(d, |at| State::Armed(at) != UNDER_JUDGEMENT)
    }

    #[inline]
    fn stays(&self, d: &Description, may_stay: impl FnOnce(u64) -> bool) -> bool {
        if d.has_any(Flag::Connecting as u32 | Flag::Explicit as u32) || d.has_timeouts() {
            return false;
        }
        let State::Armed(at) = d.read.load(d.generation()) else { return false };
        let stays = may_stay(at);
        if stays {
            d.clear(Flag::Observed);
        }
        stays
    }

    /// How a registration in an epoll set waits. O_NONBLOCK is asked for only where it matters.
    pub(crate) fn way_in_set(&self, fd: i32, d: &Description) -> Way {
        let own = d.receive_timeout() != 0 || d.send_timeout() != 0;
        Way { nonblocking: own && self.is_nonblocking(fd), single: false }
    }
}

#[cfg(test)]
#[path = "ready_tests.rs"]
mod tests;
