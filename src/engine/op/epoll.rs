//! epoll_ctl, and the waits: a set's registrations, its hidden timer, and the events we make at expiry.
//!
//! A set without a deadline costs a load, the plain call and a look for our timer's token among the events. With one, the
//! wait is cut to the set's next deadline, and what expired is reported as the program registered it.

use super::clock::Direction;
use super::explicit::Tried;
use super::judge::Verdict;
use super::ready::Telling;
use super::wake::SLICE;
use super::{Call, Mask, Operation, Scope, Step};
use crate::atomic::fence;
use crate::policy::Class;
use crate::set::{is_token, Registration, Set, GAP};
use crate::sys::{event, file, program, Kernel};
use crate::table::{Description, Flag, Kind, SlotWord, State};
use crate::Engine;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

/// Bits that mean an interest in input.
pub(crate) const INPUT: u32 = (libc::EPOLLIN | libc::EPOLLRDNORM) as u32;
pub(crate) const OUTPUT: u32 = (libc::EPOLLOUT | libc::EPOLLWRNORM) as u32;
pub(crate) const ONESHOT: u32 = libc::EPOLLONESHOT as u32;
/// Kept with a registration's events: its program tries first. (A bit that no program can ask for: the kernel keeps it for
/// io_uring, EPOLL_URING_WAKE in include/uapi/linux/eventpoll.h.)
pub(crate) const TRIES: u32 = 1 << 27;
/// Kept with a registration's events: it is another number's, which is closed (`bequeath`). (A bit that means nothing to the
/// kernel.)
pub(crate) const INHERITED: u32 = 1 << 26;
/// Ours, whatever the program puts there.
const OURS: u32 = TRIES | INHERITED;
const EVENT: usize = core::mem::size_of::<libc::epoll_event>();
const MILLISECOND: u64 = 1_000_000;
/// What a registration was told last of a deadline that the program set: nothing since it was set; its passing, which of the two
/// directions' being 1 to 3 (edge-triggered); or in which millisecond.
pub(crate) const UNTOLD: u32 = 0;
const EDGES: u32 = 4;
const TELLINGS: u32 = 64;

/// What came of looking at the deadlines of a socket in a set.
enum Passed {
    /// A connect was aborted: ask the kernel again.
    Aborted,
    /// The bits to report, those whose deadline has passed, and when to look again.
    Bits { told: u32, passed: u32, look: u64 },
}

impl<K: Kernel> Engine<K> {
    /// The set behind an epoll fd, if it was ever registered with.
    fn set(&self, epfd: i32) -> Option<(u32, &Set)> {
        let word = self.slots.word(epfd);
        if word.kind() != Kind::Set {
            return None;
        }
        Some((word.index(), self.sets.at(word.index())?))
    }

    /// A registration of this number is gone.
    pub(crate) fn interest_lost(&self, fd: i32) {
        if let Some((_, d)) = tracked(self, fd) {
            lost_interest(self, fd, d);
        }
    }

    /// The kernel knew of this number in this set. If the program did not register it itself, it was closed, and is a number of the
    /// same socket again, whose registration has been there all the time: so that is nobody else's any more.
    #[inline]
    fn came_back(&self, set: &Set, socket: Option<(SlotWord, &Description)>, registration: Option<&Registration>) {
        let Some((slot, _)) = socket.filter(|(_, d)| d.has(Flag::Bequeathed)) else { return };
        let events = registration.and_then(|r| r.events(slot.generation()));
        if events.is_none_or(|events| events & INHERITED != 0) {
            self.take_back(set, slot);
        }
    }

    /// Nobody else has registrations of this socket here.
    #[cold]
    fn take_back(&self, set: &Set, slot: SlotWord) {
        self.slots.each(0, u32::MAX, |other, word| {
            let same = word.kind() == Kind::Socket && word.index() == slot.index();
            let Some(registration) = set.registration(other).filter(|_| same) else { return };
            if registration.events(word.generation()).is_some_and(|events| events & INHERITED != 0) {
                registration.remove();
            }
        });
    }

    /// Does the program wait by itself for this socket, and not in a set? What its sets say is looked up where it would have been away
    /// for long (a registration may have gone with its number, or with its set).
    pub(crate) fn waits_alone(&self, fd: i32, d: &Description, now: u64) -> bool {
        if d.in_sets() && d.last_wait_gap(now) > GAP {
            wants_input(self, fd, d);
        }
        !d.in_sets()
    }

    pub(crate) fn obtain_set(&self, epfd: i32) -> Option<(u32, &Set)> {
        if let Some(found) = self.set(epfd) {
            return Some(found);
        }
        let word = self.slots.word(epfd);
        let number = self.sets.create(&self.kernel, epfd)?;
        if !self.slots.settle(&self.kernel, epfd, word, Kind::Set, number) {
            if self.sets.release(number) {
                self.sets.free(number);
            }
            return self.set(epfd);
        }
        Some((number, self.sets.at(number)?))
    }
}

/// What it means that a program asks for events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interest {
    /// It waits: level-triggered loops register without trying, and so do some edge-triggered ones (tokio).
    Waits,
    /// Edge-triggered, it has yet to try: Go registers every socket at its birth and reads when a goroutine asks.
    TriesFirst,
}

/// The kernel has taken an epoll_ctl. `event` is the program's event (read by the kernel for ADD and MOD only).
pub fn epoll_ctl<K: Kernel>(e: &Engine<K>, epfd: i32, operation: i32, fd: i32, event: usize, interest: Interest) {
    if !e.active() || e.process.borrowed(&e.kernel) {
        return;
    }
    if operation == libc::EPOLL_CTL_DEL {
        let Some((_, set)) = e.set(epfd) else { return };
        let registration = set.registration(fd);
        e.came_back(set, e.socket(fd), registration);
        if let Some(registration) = registration {
            registration.remove();
        }
        e.interest_lost(fd);
        return;
    }
    let Some((number, set)) = e.obtain_set(epfd) else { return };
    // The kernel takes the registration by number and file; so the slot must exist for its generation to be known.
    let socket = e.socket(fd);
    if e.slots.word(fd).kind() == Kind::Unknown {
        // So that its close is noticed: a registration must not outlive its number, or the next owner of the number would be
        // told of with a stranger's data.
        e.slots.settle(&e.kernel, fd, e.slots.word(fd), Kind::Plain, 0);
    }
    let slot = e.slots.word(fd);
    if slot.kind() == Kind::Unknown {
        return;
    }
    let Some(registration) = set.obtain(&e.kernel, fd) else { return };
    if operation == libc::EPOLL_CTL_MOD {
        e.came_back(set, socket, Some(registration));
    }
    let event: libc::epoll_event = program::peek(event);
    let before = registration.events(slot.generation()).unwrap_or(0);
    let edge = event.events & (libc::EPOLLET as u32 | ONESHOT) == libc::EPOLLET as u32;
    let tries = if edge && interest == Interest::TriesFirst { TRIES } else { 0 };
    registration.put(event.events & !OURS | tries, event.u64, slot.generation());
    let Some((slot, d)) = socket else { return };
    d.join(number);
    if event.events & ONESHOT != 0 {
        d.set(Flag::OneShot);
    }
    if tries != 0 {
        e.tries_first(fd, d);
    } else {
        d.clear(Flag::TriesFirst);
        now_wanted(e, fd, slot, d, event.events, before);
    }
    // What waits already: Go registers a socket after its connect.
    for word in [&d.read, &d.write] {
        if let State::Armed(at) = word.load(d.generation()) {
            e.lower_sets(fd, slot, d, at);
        }
    }
    for (direction, wanted) in [(Direction::Read, INPUT), (Direction::Write, OUTPUT)] {
        let at = e.bound(d, direction, Scope::NONE).at;
        if event.events & wanted != 0 && at != u64::MAX {
            e.lower_sets(fd, slot, d, at);
        }
    }
}

/// The program's interest, which was `before`, is a wait.
fn now_wanted<K: Kernel>(e: &Engine<K>, fd: i32, slot: SlotWord, d: &Description, events: u32, before: u32) {
    if events & INPUT != 0 {
        // Level-triggered loops register without trying: interest is a wait. So is a MOD that keeps it, but that is the
        // same wait.
        d.set(Flag::WantsInput);
        let way = e.way_in_set(fd, d);
        let now = e.kernel.now();
        if before & INPUT == 0 && !matches!(d.read.load(d.generation()), State::Expired(_)) {
            d.read.store(State::Idle, d.generation());
        }
        if d.has(Flag::Connecting) && !d.has(Flag::FastOpen) && before != 0 && e.is_established(fd) {
            e.connected(fd, d, now);
        }
        e.arm(fd, slot, d, Direction::Read, way, now);
    } else {
        lost_interest(e, fd, d);
    }
    if events & OUTPUT != 0 && events & libc::EPOLLET as u32 == 0 {
        d.set(Flag::WantsOutput);
    } else {
        d.clear(Flag::WantsOutput);
    }
}

fn tracked<K: Kernel>(e: &Engine<K>, fd: i32) -> Option<(SlotWord, &Description)> {
    let slot = e.slots.word(fd);
    if slot.kind() != Kind::Socket {
        return None;
    }
    Some((slot, e.descriptions.at(slot.index())?))
}

/// Is this socket in the set, under this number or another, and if so, is its input waited for there?
fn interest_in<K: Kernel>(e: &Engine<K>, set: &Set, fd: i32, slot: SlotWord, d: &Description) -> Option<bool> {
    let of = |fd: i32, slot: SlotWord| Some(set.registration(fd)?.events(slot.generation())? & INPUT != 0);
    let mut found = of(fd, slot);
    if found != Some(true) && d.is_shared() {
        // Some register one number for input, and a dup of it for room.
        e.slots.each(0, u32::MAX, |other, word| {
            if other != fd && word.kind() == Kind::Socket && word.index() == slot.index() {
                if let Some(wanted) = of(other, word) {
                    found = Some(wanted || found == Some(true));
                }
            }
        });
    }
    found
}

/// Is input of this socket waited for in some set? Sets that it is not in any more are left.
fn wants_input<K: Kernel>(e: &Engine<K>, fd: i32, d: &Description) -> bool {
    let slot = e.slots.word(fd);
    let mut wanted = false;
    d.each_set(|number| match number.and_then(|n| Some((n, e.sets.at(n)?))) {
        Some((number, set)) => match interest_in(e, set, fd, slot, d) {
            Some(input) => wanted |= input,
            None => {
                // A program that waits in no set waits by itself: what it does not wait for does not add up.
                d.leave(number);
                if interest_in(e, set, fd, slot, d).is_some() {
                    // Registered anew by another thread meanwhile.
                    d.join(number);
                }
            }
        },
        // More than four sets: not worth a walk through all; what expires in vain is judged then.
        None => wanted = true,
    });
    wanted
}

/// No more input wanted here; in another set, perhaps.
fn lost_interest<K: Kernel>(e: &Engine<K>, fd: i32, d: &Description) {
    if wants_input(e, fd, d) {
        return;
    }
    d.clear(Flag::WantsInput);
    d.read.store(State::Idle, d.generation());
    // Pairs with `Registration::put`: another thread that has registered it meanwhile finds what we stored, and arms it; or we find
    // the registration.
    fence(SeqCst);
    if wants_input(e, fd, d) {
        d.set(Flag::WantsInput);
        e.rearm_input(fd, e.slots.word(fd), d);
    }
}

/// The time argument of the call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// epoll_wait, epoll_pwait: milliseconds.
    Milliseconds,
    /// epoll_pwait2: a timespec.
    Timespec,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The program's own call.
    Own,
    /// The same, left to the set's timer, which ended it.
    ByTimer,
    /// A wait of ours.
    Cut,
}

/// epoll_wait, epoll_pwait, epoll_pwait2.
pub struct EpollWait {
    name: &'static str,
    own: Call,
    clock: Clock,
    /// How long the program waits, ns; `u64::MAX` for ever.
    timeout: u64,
    until: u64,
    stage: Stage,
    /// What the program's own call answered, where the door made it at once.
    answered: Option<isize>,
    held: Mask,
    time: libc::timespec,
    scope: Scope,
    began: u64,
}

/// Can this wait be the program's own call, made at once? Nothing is armed in the set then, and either the wait has no time that
/// would have to be counted, or nothing in the process can be armed at all. The answer must be looked through with [`has_token`].
#[inline]
pub fn waits_plainly<K: Kernel>(e: &Engine<K>, epfd: i32, timeout: u64) -> bool {
    if !e.anything_tracked() {
        return true;
    }
    if e.scopes.any() {
        return false;
    }
    // Where a deadline may be set while it waits, its timer must be there to wake it.
    let plain = |set: &Set| set.next() == u64::MAX && (!e.movable() || set.timer.number().is_some());
    (timeout == 0 || timeout == u64::MAX) && e.set(epfd).is_none_or(|(_, set)| plain(set))
}

/// A wait that is the program's own call although its time has to be counted, or something is armed in its set: the set's timer ends
/// it in time.
pub struct ByTimer<'a> {
    /// Where something is armed.
    set: Option<&'a Set>,
    /// When it began, where the program gave it a time.
    began: u64,
    /// How long to wait, in ms.
    ms: i32,
    cut: bool,
}

/// How much later than its set's next deadline a wait ends that the timer should have ended: the coarse clock may be 10 ms behind,
/// but is never ahead.
const SPARE_MS: u64 = 1;

/// Can this wait of `ms` be made at once, and left to the set's timer? The answer must be looked at with [`ByTimer::is_over`].
#[inline]
pub fn waits_by_timer<K: Kernel>(e: &Engine<K>, epfd: i32, ms: i32) -> Option<ByTimer<'_>> {
    if e.scopes.any() || e.process.lent() {
        return None;
    }
    let began = || if ms > 0 { e.kernel.now() } else { 0 };
    let set = e.set(epfd).map(|(_, set)| set);
    let Some(set) = set.filter(|set| set.next() != u64::MAX || e.movable()) else {
        return Some(ByTimer { set: None, began: began(), ms, cut: false });
    };
    let (next, now, epoch) = (set.next(), e.kernel.coarse(), e.process.epoch(&e.kernel));
    if next <= now || set.may_be_gap(now) || !set.timer.covers(epoch, next) {
        return None;
    }
    set.enter(now, epoch);
    let began = began();
    // Should the timer be gone (closed behind our back), the wait ends all the same.
    let most = ((next - now) / MILLISECOND).saturating_add(1 + SPARE_MS).min(i32::MAX as u64) as i32;
    let cut = ms < 0 || ms > most;
    Some(ByTimer { set: Some(set), began, ms: if cut { most } else { ms }, cut })
}

impl ByTimer<'_> {
    /// The time to give the call.
    pub fn ms(&self) -> i32 {
        self.ms
    }

    /// The call has answered `count`, with these events: is that the program's answer? If not, [`EpollWait::by_timer`] goes on.
    #[inline]
    pub fn is_over<K: Kernel>(&self, e: &Engine<K>, events: usize, count: isize) -> bool {
        if let Some(set) = self.set {
            set.leave(e.kernel.coarse());
        }
        match usize::try_from(count) {
            Ok(0) => !self.cut,
            Ok(count) => !has_token(events, count),
            Err(_) => true,
        }
    }
}

/// Is the event of a hidden timer among these?
#[inline]
pub fn has_token(events: usize, count: usize) -> bool {
    (0..count).any(|i| {
        let event: libc::epoll_event = program::peek(events.wrapping_add(i.wrapping_mul(EVENT)));
        is_token(event.u64)
    })
}

impl EpollWait {
    /// `own` is the program's call: epfd, events, maxevents, time, mask, mask size.
    pub fn new(name: &'static str, own: Call, clock: Clock, timeout: u64) -> EpollWait {
        let time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        EpollWait {
            name,
            own,
            clock,
            timeout,
            until: u64::MAX,
            stage: Stage::Own,
            answered: None,
            held: Mask::default(),
            time,
            scope: Scope::NONE,
            began: 0,
        }
    }

    /// Go on from what the program's own call answered.
    pub fn begun(self, answer: isize) -> EpollWait {
        EpollWait { answered: Some(answer), ..self }
    }

    /// Go on where the timer, or the end of the time that was given it, ended the call.
    pub fn by_timer(self, answer: isize, wait: &ByTimer) -> EpollWait {
        EpollWait { answered: Some(answer), began: wait.began, stage: Stage::ByTimer, ..self }
    }

    fn epfd(&self) -> i32 {
        self.own.args.first().map_or(-1, |fd| *fd as i32)
    }

    fn room(&self) -> usize {
        self.own.args.get(2).map_or(0, |max| (*max as i32).max(0) as usize)
    }

    fn event_at(&self, i: usize) -> usize {
        self.own.args.get(1).copied().unwrap_or(0).wrapping_add(i.wrapping_mul(EVENT))
    }

    fn call(&mut self, wait: u64) -> Step {
        let [epfd, events, max, _, mask, size] = self.own.args;
        let time = match self.clock {
            Clock::Milliseconds if wait == u64::MAX => -1_isize as usize,
            // Rounded up: 0 means "do not wait", and rounding 400 us down would spin through the last moment.
            Clock::Milliseconds => wait.div_ceil(1_000_000).min(i32::MAX as u64) as usize,
            Clock::Timespec if wait == u64::MAX => 0,
            Clock::Timespec => {
                let (tv_sec, tv_nsec) = ((wait / 1_000_000_000) as i64, (wait % 1_000_000_000) as i64);
                self.time = libc::timespec { tv_sec, tv_nsec };
                &raw const self.time as usize
            }
        };
        self.stage = Stage::Cut;
        Step::Call(Call::new(self.own.nr, [epfd, events, max, time, mask, size]))
    }

    /// Take our tokens out of the events. How many events remain, and whether there was a token.
    fn without_tokens(&self, count: usize) -> (usize, bool) {
        let mut kept = 0;
        for i in 0..count {
            let event: libc::epoll_event = program::peek(self.event_at(i));
            if is_token(event.u64) {
                continue;
            }
            if kept != i {
                program::poke(self.event_at(kept), event);
            }
            kept += 1;
        }
        (kept, kept != count)
    }

    fn finish<K: Kernel>(&mut self, e: &Engine<K>, set: &Set, now: u64, outcome: isize) -> Step {
        set.leave(now);
        self.held.release(e);
        Step::Done(outcome)
    }

    /// Add an event behind the `count` that are there, or its bits to one of the `kernels` first, the kernel's own, that has the
    /// same data: one registration has one event in one answer. (Of ours each has one anyway; to look through those as well would
    /// make a wait with room for thousands slow when thousands expire.) The new count, or `None` if the program's array cannot be
    /// written.
    fn add<K: Kernel>(&self, e: &Engine<K>, kernels: usize, count: usize, bits: u32, data: u64) -> Option<usize> {
        for i in 0..kernels {
            let event: libc::epoll_event = program::peek(self.event_at(i));
            if event.u64 == data {
                program::poke(self.event_at(i), libc::epoll_event { events: event.events | bits, u64: data });
                return Some(count);
            }
        }
        let mut bytes = [0; EVENT];
        let (events, rest) = bytes.split_at_mut(4);
        events.copy_from_slice(&bits.to_ne_bytes());
        // The data are the last 8 bytes, packed (x86-64) or not.
        let at = rest.len() - 8;
        if let Some(place) = rest.get_mut(at..) {
            place.copy_from_slice(&data.to_ne_bytes());
        }
        // The kernel has written nothing there if it had no event: it may be any address.
        program::copy_out(&e.kernel, self.event_at(count), &bytes).then_some(count + 1)
    }

    /// Wait for the kernel's events or the set's next deadline.
    fn wait<K: Kernel>(&mut self, e: &Engine<K>, set: &Set, now: u64) -> Step {
        let mut until = self.until.min(set.next()).min(self.scope.until);
        if e.movable() && set.timer.refused(e.process.epoch(&e.kernel)) {
            until = until.min(now.saturating_add(SLICE));
        }
        self.call(if until == u64::MAX { u64::MAX } else { until.saturating_sub(now) })
    }

    /// Report what has expired behind the `count` events that are there. The new count, negative for an array that cannot be
    /// written; and whether a connect was aborted, so that the kernel has an event now.
    fn report<K: Kernel>(&self, e: &Engine<K>, number: u32, set: &Set, now: u64, count: usize) -> (isize, bool) {
        let (kernels, mut count, mut again, mut bad) = (count, count, false, false);
        set.timer.fired(now);
        if set.next() <= now {
            let room = self.room();
            set.sweep(now, |fd, registration| {
                if count >= room || bad {
                    return None;
                }
                let looks = Looks { name: self.name, began: self.began, now };
                let (mut bits, next) = e.expired_in_set(fd, registration, set, looks, &mut again);
                if bits != 0 && e.is_disarmed(set, fd, registration) {
                    bits = 0;
                }
                if bits != 0 {
                    match self.add(e, kernels, count, bits, registration.data()) {
                        Some(more) => count = more,
                        None => bad = true,
                    }
                    e.disarm_oneshot(set, fd, registration);
                }
                Some(next)
            });
        }
        let next = set.next();
        if next != u64::MAX {
            e.program(number, set, next.max(now));
        }
        if count == 0 && self.scope.until <= now {
            (count, bad) = self.report_all(e, set, now, &mut again);
        }
        if bad && count == 0 {
            return (super::error(libc::EFAULT), false);
        }
        (count as isize, again)
    }
}

impl Operation for EpollWait {
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        let set = e.set(self.epfd());
        if self.timeout != u64::MAX && self.timeout != 0 {
            let began = if self.stage == Stage::ByTimer { self.began } else { e.kernel.now() };
            self.until = began.saturating_add(self.timeout);
        }
        if self.scope.until != u64::MAX && self.room() != 0 && !e.process.borrowed(&e.kernel) {
            return self.start_within(e, set.map(|(_, set)| set));
        }
        if let Some(answer) = self.answered.take() {
            // From here on it is several waits.
            let [.., mask, _] = self.own.args;
            self.held.hold(e, mask);
            return self.resume(e, answer);
        }
        let Some((number, set)) = set else { return Step::Call(self.own) };
        let mut plain = set.next() == u64::MAX;
        if plain && e.movable() && self.timeout != 0 && !e.process.borrowed(&e.kernel) {
            e.program(number, set, u64::MAX / 2);
            plain = !set.timer.refused(e.process.epoch(&e.kernel));
        }
        if plain || e.process.borrowed(&e.kernel) || self.room() == 0 {
            // Armed by another thread meanwhile, it is several waits all the same.
            let [.., mask, _] = self.own.args;
            self.held.hold(e, mask);
            return Step::Call(self.own);
        }
        let now = e.kernel.now();
        self.began = now;
        set.enter(now, e.process.epoch(&e.kernel));
        if self.timeout == 0 {
            self.until = now;
        }
        if set.next() <= now {
            // Expired ones first: a set that is always busy, or asked for one event at a time, would never come to them.
            let (count, _) = self.report(e, number, set, now, 0);
            if count != 0 {
                return self.finish(e, set, now, count);
            }
        }
        let [.., mask, _] = self.own.args;
        self.held.hold(e, mask);
        self.wait(e, set, now)
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        if outcome < 0 || self.room() == 0 {
            if self.stage == Stage::Cut {
                if let Some((_, set)) = e.set(self.epfd()) {
                    return self.finish(e, set, e.kernel.now(), outcome);
                }
            }
            self.held.release(e);
            return Step::Done(outcome);
        }
        let (count, token) = self.without_tokens(outcome as usize);
        // Our timer's event has taken the room of another's.
        let crowded = token && outcome as usize == self.room();
        if self.stage == Stage::Own && !token {
            self.held.release(e);
            return Step::Done(outcome);
        }
        let now = e.kernel.now();
        if self.timeout == 0 {
            self.until = now;
        }
        let Some((number, set)) = e.set(self.epfd()).filter(|_| e.active()) else {
            // Another process's timer, in a set that we know nothing of, or in a sandbox where we may ask for nothing.
            let until = self.until.min(self.scope.until);
            if count > 0 || now >= until && !crowded {
                self.held.release(e);
                return Step::Done(count as isize);
            }
            return self.call(if until == u64::MAX { u64::MAX } else { until.saturating_sub(now) });
        };
        if self.stage != Stage::Cut {
            set.present(now);
            set.enter(now, e.process.epoch(&e.kernel));
        }
        let (count, again) = self.report(e, number, set, now, count);
        let again = again || crowded;
        if count != 0 || now >= self.until.min(self.scope.until) && !again {
            return self.finish(e, set, now, count);
        }
        if again {
            return self.call(0);
        }
        self.wait(e, set, now)
    }

    fn within(&mut self, scope: Scope) {
        self.scope = scope;
    }
}

impl EpollWait {
    /// The wait of a thread in a scope: bounded whatever the set holds.
    fn start_within<K: Kernel>(&mut self, e: &Engine<K>, set: Option<&Set>) -> Step {
        let now = e.kernel.now();
        self.began = now;
        if self.timeout == 0 {
            self.until = now;
        } else {
            self.scope = self.scope.paced(e, now);
        }
        let [.., mask, _] = self.own.args;
        self.held.hold(e, mask);
        match set {
            Some(set) => {
                set.enter(now, e.process.epoch(&e.kernel));
                self.wait(e, set, now)
            }
            None => {
                let until = self.until.min(self.scope.until);
                self.call(until.saturating_sub(now))
            }
        }
    }

    /// The thread's scope is over: whatever sockets the set holds are reported as the program registered them. How many, and
    /// whether the program's array could not be written.
    fn report_all<K: Kernel>(&self, e: &Engine<K>, set: &Set, now: u64, again: &mut bool) -> (usize, bool) {
        let (mut count, mut bad, room) = (0, false, self.room());
        set.each(|fd, registration| {
            let Some((slot, d)) = tracked(e, fd) else { return };
            let Some(events) = registration.events(slot.generation()) else { return };
            if count >= room || bad || events & (INPUT | OUTPUT) == 0 || e.is_disarmed(set, fd, registration) {
                return;
            }
            let way = if events & INPUT != 0 { Direction::Read } else { Direction::Write };
            let connecting = d.has(Flag::Connecting);
            let tried = Tried { began: self.began, bytes: 0 };
            if !e.cut(fd, d, way, e.bound(d, way, self.scope), self.name, tried, now) {
                return;
            }
            if connecting && !d.has(Flag::Connecting) {
                // The kernel has the event now.
                *again = true;
                return;
            }
            match self.add(e, 0, count, events & (INPUT | OUTPUT), registration.data()) {
                Some(more) => count = more,
                None => bad = true,
            }
            e.disarm_oneshot(set, fd, registration);
        });
        (count, bad)
    }
}

/// Who looks at a set, and since when.
#[derive(Clone, Copy)]
struct Looks {
    name: &'static str,
    began: u64,
    now: u64,
}

impl<K: Kernel> Engine<K> {
    /// What to report of one registration whose instant has come, and when to look again.
    fn expired_in_set(
        &self,
        fd: i32,
        registration: &Registration,
        set: &Set,
        looks: Looks,
        again: &mut bool,
    ) -> (u32, u64) {
        let Looks { name, now, .. } = looks;
        let mut next = u64::MAX;
        let mut bits = 0;
        let Some((slot, d)) = tracked(self, fd) else { return (0, next) };
        let Some(events) = registration.events(slot.generation()) else { return (0, next) };
        let way = self.way_in_set(fd, d);
        let passed = match self.passed_in_set(fd, d, registration, events, looks) {
            Passed::Aborted => {
                *again = true;
                return (0, u64::MAX);
            }
            Passed::Bits { told, passed, look } => {
                bits |= told;
                next = next.min(look);
                passed
            }
        };
        // Writing first: what waits for room is told there, and not once more as "unacknowledged while reading".
        for (direction, wanted) in [(Direction::Write, events & OUTPUT), (Direction::Read, events & INPUT)] {
            if wanted & passed != 0 {
                continue;
            }
            let word = super::ready::word(d, direction);
            let state = word.load(d.generation());
            if wanted == 0 && !d.has(Flag::Connecting) {
                continue;
            }
            match state {
                State::Idle => {}
                // Told to another registration of this socket: each gets its own event. (Not where what was told last is the
                // passing of a deadline: the one would make the other new, for ever.)
                State::Expired(_) if passed == 0 && self.still_told(d) && registration.take(d.telling()) => {
                    bits |= wanted;
                    next = next.min(self.next_telling(d, direction));
                }
                // A one-shot registration is told once; modified, it is new.
                State::Expired(_) if events & ONESHOT != 0 => {}
                State::Expired(_) => match self.tell_again(d, direction, now) {
                    Telling::Now => {
                        if passed == 0 {
                            registration.take(d.telling());
                        }
                        bits |= wanted;
                        next = next.min(self.next_telling(d, direction));
                    }
                    Telling::At(at) => next = next.min(at),
                    Telling::Never => {}
                },
                State::Armed(at) if at > now => next = next.min(at),
                State::Armed(_) => {
                    if direction == Direction::Read {
                        let start = d.read_start.load(Relaxed);
                        let moved = set.start_after_gap(start, self.read_timeout(d, way));
                        d.read_start.fetch_max(moved, Relaxed);
                    }
                    match self.judge(fd, d, direction, way, now) {
                        Verdict::Until(at) => next = next.min(at),
                        Verdict::Idle => {}
                        Verdict::Gone => {
                            self.forget(fd);
                            return (0, u64::MAX);
                        }
                        // Another thread is at it: looked at once more, when that has told.
                        Verdict::Due(_) if !self.claim(d, direction, now) => next = next.min(now),
                        Verdict::Due(due) => {
                            let connecting = d.has(Flag::Connecting);
                            if !self.expire(fd, d, direction, due, name, now) {
                                // Observed only; what the program itself said goes on.
                                if let State::Armed(at) = word.load(d.generation()) {
                                    next = next.min(at);
                                }
                                continue;
                            }
                            if connecting && !d.has(Flag::Connecting) {
                                // The kernel has the event now.
                                *again = true;
                                return (0, u64::MAX);
                            }
                            if direction == Direction::Write && events & INPUT != 0 && due.class() == Some(Class::Write)
                            {
                                self.expire_input_with_output(d, now);
                            }
                            // Another thread that found it expired may have told this registration already.
                            if passed != 0 || registration.take(d.telling()) {
                                bits |= wanted;
                            }
                            next = next.min(self.next_telling(d, direction));
                            // Its other registrations are due as well: they find it expired.
                            self.lower_sets(fd, slot, d, now);
                        }
                    }
                }
            }
        }
        if bits != 0 && !d.has(Flag::Connecting) {
            // What the kernel would report of it besides goes into the same event.
            let ready = crate::sys::poll_now(&self.kernel, fd, (events & 0xffff) as i16);
            if ready > 0 {
                bits |= ready as u32 & (events | (libc::EPOLLERR | libc::EPOLLHUP) as u32);
            }
        }
        (bits, next)
    }

    /// The deadlines that the program set through the C API. One that has passed is a level, like data that can be read: it is
    /// reported as long as it stands, but once a millisecond, so that a program which passes over it neither spins nor comes to
    /// nothing else. Edge-triggered it is reported once.
    fn passed_in_set(
        &self,
        fd: i32,
        d: &Description,
        registration: &Registration,
        events: u32,
        looks: Looks,
    ) -> Passed {
        let Looks { name, began, now } = looks;
        let (mut passed, mut look) = (0, u64::MAX);
        if !d.has(Flag::Explicit) {
            return Passed::Bits { told: 0, passed, look };
        }
        for (direction, wanted) in [(Direction::Write, events & OUTPUT), (Direction::Read, events & INPUT)] {
            let bound = self.bound(d, direction, Scope::NONE);
            let connecting = d.has(Flag::Connecting) && direction == Direction::Write;
            if bound.at > now {
                look = look.min(if wanted != 0 || connecting { bound.at } else { u64::MAX });
                continue;
            }
            if wanted == 0 && !connecting {
                continue;
            }
            if !self.cut(fd, d, direction, bound, name, Tried { began, bytes: 0 }, now) {
                return Passed::Bits { told: 0, passed: 0, look: u64::MAX };
            }
            if connecting && !d.has(Flag::Connecting) {
                // The kernel has the event now.
                return Passed::Aborted;
            }
            passed |= wanted;
        }
        if passed == 0 {
            return Passed::Bits { told: 0, passed, look };
        }
        let edge = events & libc::EPOLLET as u32 != 0;
        let telling = if edge {
            (passed & INPUT != 0) as u32 | ((passed & OUTPUT != 0) as u32) << 1
        } else {
            EDGES + (now / MILLISECOND % (TELLINGS - EDGES) as u64) as u32
        };
        let told = if registration.take(telling) { passed } else { 0 };
        if !edge {
            look = look.min(now.saturating_add(MILLISECOND));
        }
        Passed::Bits { told, passed, look }
    }

    /// The program has read (`bits` INPUT) or written (OUTPUT): a one-shot registration that was waiting for that was reported
    /// before, and hears no more until it is modified. (The kernel's events carry only data; which registration they belong to
    /// cannot be told from them.)
    pub(crate) fn spend_oneshots(&self, fd: i32, slot: SlotWord, d: &Description, bits: u32) {
        let mut spent = false;
        d.each_set(|number| {
            let Some(set) = number.and_then(|n| self.sets.at(n)) else { return };
            let Some(registration) = set.registration(fd) else { return };
            match registration.events(slot.generation()) {
                Some(events) if events & ONESHOT != 0 && events & bits != 0 => {
                    registration.put(events & !(INPUT | OUTPUT), registration.data(), slot.generation());
                    spent = true;
                }
                _ => {}
            }
        });
        if spent {
            lost_interest(self, fd, d);
        }
    }

    fn next_telling(&self, d: &Description, direction: Direction) -> u64 {
        match super::ready::word(d, direction).load(d.generation()) {
            State::Expired(at) if at < u64::MAX / 8 && self.still_told(d) => at,
            _ => u64::MAX,
        }
    }

    /// Has the kernel disarmed this one-shot registration, by an event that we cannot tell from others? A synthetic one on top
    /// would put a second thread of the program on a connection that a first is working on.
    fn is_disarmed(&self, set: &Set, fd: i32, registration: &Registration) -> bool {
        let events = registration.events(self.slots.word(fd).generation()).unwrap_or(0);
        let kernels = if events & ONESHOT != 0 { file::registered_events(&self.kernel, set.epfd(), fd) } else { None };
        kernels.is_some_and(|kernels| kernels & (INPUT | OUTPUT) == 0)
    }

    /// A one-shot registration that was reported is disarmed for real. EXCLUSIVE cannot be modified and is left alone.
    fn disarm_oneshot(&self, set: &Set, fd: i32, registration: &Registration) {
        let slot = self.slots.word(fd);
        let Some(events) = registration.events(slot.generation()) else { return };
        if events & ONESHOT == 0 {
            return;
        }
        let keep = events & (ONESHOT | libc::EPOLLET as u32);
        if event::epoll_modify(&self.kernel, set.epfd(), fd, keep, registration.data()).is_ok() {
            registration.put(keep, registration.data(), slot.generation());
        }
    }
}
